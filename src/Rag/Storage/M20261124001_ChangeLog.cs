using FluentMigrator;

namespace Rag.Storage;

/// <summary>The change log: what was written, in the order of its commits.</summary>
[Migration(20261124001)]
public sealed class M20261124001_ChangeLog : ForwardOnlyMigration
{
    public override void Up() => Execute.Sql("""
        CREATE TABLE change_log (
          seq INTEGER PRIMARY KEY AUTOINCREMENT,
          kind TEXT NOT NULL,
          collection_id TEXT NOT NULL,
          document_id TEXT NULL,
          version INTEGER NULL,
          at BIGINT NOT NULL)
        """);
}
