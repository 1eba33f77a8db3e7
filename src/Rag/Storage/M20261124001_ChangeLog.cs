using FluentMigrator;

namespace Rag.Storage;

/// <summary>The change log: what was written, in the order of its commits.</summary>
[Migration(20261124001)]
public sealed class M20261124001_ChangeLog : RecordMigration
{
    public override void Up() => Sql("""
        CREATE TABLE change_log (
          seq {serial},
          kind TEXT NOT NULL,
          collection_id TEXT NOT NULL,
          document_id TEXT NULL,
          version {integer} NULL,
          at BIGINT NOT NULL)
        """);
}
