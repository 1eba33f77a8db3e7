using FluentMigrator;

namespace Rag.Storage;

/// <summary>How far each process has followed what others wrote.</summary>
[Migration(20261127001)]
public sealed class M20261127001_Followers : RecordMigration
{
    public override void Up() => Sql("""
        CREATE TABLE followers (
          id TEXT NOT NULL,
          subject TEXT NOT NULL,
          name TEXT NOT NULL,
          position BIGINT NOT NULL,
          seen_at BIGINT NOT NULL,
          PRIMARY KEY (id, subject))
        """);
}
