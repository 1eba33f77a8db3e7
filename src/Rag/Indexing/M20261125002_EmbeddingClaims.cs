using FluentMigrator;
using Rag.Storage;

namespace Rag.Indexing;

/// <summary>Which worker makes which vectors now, and until when that is its own; used where several processes share the record.</summary>
[Migration(20261125002)]
public sealed class M20261125002_EmbeddingClaims : RecordMigration
{
    public override void Up() => Sql("""
        CREATE TABLE embedding_claims (
          version_no BIGINT NOT NULL,
          ordinal BIGINT NOT NULL,
          owner TEXT NOT NULL,
          until_at BIGINT NOT NULL,
          PRIMARY KEY (version_no, ordinal))
        """);
}
