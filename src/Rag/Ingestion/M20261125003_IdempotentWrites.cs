using FluentMigrator;
using Rag.Storage;

namespace Rag.Ingestion;

/// <summary>Which documents were written under which Idempotency-Key, recorded with the write itself.</summary>
[Migration(20261125003)]
public sealed class M20261125003_IdempotentWrites : RecordMigration
{
    public override void Up() => Sql("""
        CREATE TABLE idempotent_writes (
          key TEXT NOT NULL,
          uri TEXT NOT NULL,
          content_hash TEXT NOT NULL,
          document_id TEXT NULL,
          version BIGINT NULL,
          seq BIGINT NULL,
          created_at BIGINT NOT NULL,
          PRIMARY KEY (key, uri, content_hash));
        CREATE INDEX idempotent_writes_age ON idempotent_writes (created_at)
        """);
}
