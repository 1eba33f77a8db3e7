using FluentMigrator;
using Rag.Storage;

namespace Rag.Telemetry;

/// <summary>The replicas that share this record, and what each used by the minute (minutes since 1970).</summary>
[Migration(20261125004)]
public sealed class M20261125004_Replicas : RecordMigration
{
    public override void Up()
    {
        Sql("""
            CREATE TABLE replicas (
              id TEXT PRIMARY KEY,
              name TEXT NOT NULL,
              version TEXT NOT NULL,
              started_at BIGINT NOT NULL,
              seen_at BIGINT NOT NULL,
              index_position BIGINT NOT NULL,
              leads BIGINT NOT NULL,
              cpu_share DOUBLE PRECISION NOT NULL,
              memory_share DOUBLE PRECISION NOT NULL)
            """);
        Sql("""
            CREATE TABLE replica_minutes (
              minute BIGINT NOT NULL,
              replica TEXT NOT NULL,
              cpu_share DOUBLE PRECISION NOT NULL,
              memory_share DOUBLE PRECISION NOT NULL,
              PRIMARY KEY (minute, replica))
            """);
    }
}
