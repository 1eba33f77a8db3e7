using FluentMigrator;
using Rag.Storage;

namespace Rag.Maintenance;

/// <summary>Announced maintenance windows.</summary>
[Migration(20261125007)]
public sealed class M20261125007_MaintenanceWindows : RecordMigration
{
    public override void Up() => Sql("""
        CREATE TABLE maintenance_windows (
          id TEXT PRIMARY KEY,
          title TEXT NOT NULL,
          starts_at BIGINT NOT NULL,
          ends_at BIGINT NOT NULL,
          announced_at BIGINT NOT NULL,
          announced_by TEXT NOT NULL,
          cancelled_at BIGINT,
          silence_id TEXT)
        """);
}
