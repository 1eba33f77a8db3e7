using FluentMigrator;
using Rag.Storage;

namespace Rag.Slo.Scaling;

/// <summary>Approvals to run more replicas than the guidelines allow, or at least so many, for a time.</summary>
[Migration(20261127100)]
public sealed class M20261127100_ScaleApprovals : RecordMigration
{
    public override void Up()
    {
        Sql("""
            CREATE TABLE scale_approvals (
              id TEXT PRIMARY KEY,
              max_replicas BIGINT,
              min_replicas BIGINT,
              owner TEXT NOT NULL,
              reason TEXT NOT NULL,
              approved_at BIGINT NOT NULL,
              approved_by TEXT NOT NULL,
              expires_at BIGINT NOT NULL,
              withdrawn_at BIGINT)
            """);
        Sql("CREATE INDEX scale_approvals_by_expiry ON scale_approvals (expires_at)");
    }
}
