using FluentMigrator;

namespace Rag.Storage.Leadership;

/// <summary>Who does what only one process may do, until when, and in which term; terms count up and are never used again.</summary>
[Migration(20261125001)]
public sealed class M20261125001_Leases : RecordMigration
{
    public override void Up() => Sql("""
        CREATE TABLE leases (
          name TEXT PRIMARY KEY,
          holder TEXT NOT NULL,
          epoch BIGINT NOT NULL,
          until_at BIGINT NOT NULL)
        """);
}
