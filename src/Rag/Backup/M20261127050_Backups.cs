using FluentMigrator;
using Rag.Storage;

namespace Rag.Backup;

/// <summary>Backups that were made here, and what was done with them.</summary>
[Migration(20261127050)]
public sealed class M20261127050_Backups : RecordMigration
{
    public override void Up()
    {
        Sql("""
            CREATE TABLE backups (
              id TEXT PRIMARY KEY,
              kind TEXT NOT NULL,
              state TEXT NOT NULL,
              sequence BIGINT NOT NULL,
              engine TEXT NOT NULL,
              directory TEXT NOT NULL,
              started_at BIGINT NOT NULL,
              completed_at BIGINT NULL,
              position BIGINT NOT NULL,
              row_count BIGINT NOT NULL,
              plain_bytes BIGINT NOT NULL,
              stored_bytes BIGINT NOT NULL,
              manifest TEXT NULL,
              verified_at BIGINT NULL,
              drilled_at BIGINT NULL,
              problem TEXT NULL)
            """);
        Sql("""
            CREATE TABLE backup_operations (
              id TEXT PRIMARY KEY,
              what TEXT NOT NULL,
              backup_id TEXT NULL,
              seen_at BIGINT NOT NULL,
              state TEXT NOT NULL,
              result TEXT NULL,
              problem TEXT NULL,
              remedy TEXT NULL,
              started_at BIGINT NOT NULL,
              ended_at BIGINT NULL)
            """);
        Sql("CREATE INDEX backup_operations_by_time ON backup_operations (started_at)");
    }
}
