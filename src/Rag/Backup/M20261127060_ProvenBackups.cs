using FluentMigrator;
using Rag.Storage;

namespace Rag.Backup;

/// <summary>Copies of backups off-site, and the evidence of drills.</summary>
[Migration(20261127060)]
public sealed class M20261127060_ProvenBackups : RecordMigration
{
    public override void Up()
    {
        Sql("""
            CREATE TABLE off_site_copies (
              backup_id TEXT PRIMARY KEY,
              kind TEXT NOT NULL,
              made_at BIGINT NOT NULL,
              state TEXT NOT NULL,
              location TEXT NOT NULL,
              started_at BIGINT NOT NULL,
              completed_at BIGINT NULL,
              verified_at BIGINT NULL,
              drilled_at BIGINT NULL,
              stored_bytes BIGINT NOT NULL,
              manifest TEXT NOT NULL,
              upload TEXT NULL,
              problem TEXT NULL)
            """);
        Sql("""
            CREATE TABLE backup_drills (
              id TEXT PRIMARY KEY,
              backup_id TEXT NOT NULL,
              off_site BIGINT NOT NULL,
              started_at BIGINT NOT NULL,
              ended_at BIGINT NOT NULL,
              passed BIGINT NOT NULL,
              evidence TEXT NOT NULL,
              sha256 TEXT NOT NULL)
            """);
        Sql("CREATE INDEX backup_drills_by_time ON backup_drills (started_at)");
    }
}
