using FluentMigrator;
using Rag.Storage;

namespace Rag.Slo;

/// <summary>Good and all events of each objective by the minute (minutes since 1970), all replicas summed.</summary>
[Migration(20261125005)]
public sealed class M20261125005_SloMinutes : RecordMigration
{
    public override void Up() => Sql("""
        CREATE TABLE slo_minutes (
          minute BIGINT NOT NULL,
          objective TEXT NOT NULL,
          good BIGINT NOT NULL,
          total BIGINT NOT NULL,
          PRIMARY KEY (minute, objective))
        """);
}
