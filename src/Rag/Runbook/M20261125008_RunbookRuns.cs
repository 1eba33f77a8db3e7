using FluentMigrator;
using Rag.Storage;

namespace Rag.Runbook;

/// <summary>Walks through the runbook, and what each step of them printed.</summary>
[Migration(20261125008)]
public sealed class M20261125008_RunbookRuns : RecordMigration
{
    public override void Up()
    {
        Sql("""
            CREATE TABLE runbook_runs (
              id TEXT PRIMARY KEY,
              section TEXT NOT NULL,
              title TEXT NOT NULL,
              runbook_sha256 TEXT NOT NULL,
              version TEXT NOT NULL,
              started_at BIGINT NOT NULL,
              started_by TEXT NOT NULL,
              ended_at BIGINT,
              outcome TEXT)
            """);
        Sql("""
            CREATE TABLE runbook_steps (
              id TEXT PRIMARY KEY,
              run_id TEXT NOT NULL,
              step TEXT NOT NULL,
              command TEXT NOT NULL,
              outcome TEXT NOT NULL,
              exit_code BIGINT,
              output TEXT NOT NULL,
              note TEXT NOT NULL,
              started_at BIGINT NOT NULL,
              ended_at BIGINT NOT NULL,
              done_by TEXT NOT NULL)
            """);
        Sql("CREATE INDEX runbook_steps_by_run ON runbook_steps (run_id)");
    }
}
