using FluentMigrator;
using Rag.Storage;

namespace Rag.Ingestion;

/// <summary>Collections, documents, their versions and the chunks of each document's current version.</summary>
[Migration(20261124002)]
public sealed class M20261124002_Documents : RecordMigration
{
    public override void Up() => Sql("""
        CREATE TABLE collections (
          id TEXT PRIMARY KEY,
          name TEXT NOT NULL UNIQUE,
          language TEXT NOT NULL,
          created_at BIGINT NOT NULL);
        CREATE TABLE documents (
          id TEXT PRIMARY KEY,
          collection_id TEXT NOT NULL REFERENCES collections(id) ON DELETE CASCADE,
          uri TEXT NOT NULL,
          title TEXT NOT NULL,
          media_type TEXT NOT NULL,
          version BIGINT NOT NULL,
          version_no BIGINT NOT NULL,
          content_hash TEXT NOT NULL,
          size_bytes BIGINT NOT NULL,
          text_chars BIGINT NOT NULL,
          chunk_count BIGINT NOT NULL,
          metadata TEXT NOT NULL,
          created_at BIGINT NOT NULL,
          updated_at BIGINT NOT NULL,
          UNIQUE (collection_id, uri));
        CREATE TABLE document_versions (
          no {serial},
          document_id TEXT NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
          version BIGINT NOT NULL,
          title TEXT NOT NULL,
          content_hash TEXT NOT NULL,
          size_bytes BIGINT NOT NULL,
          text TEXT NOT NULL,
          created_at BIGINT NOT NULL,
          UNIQUE (document_id, version));
        CREATE TABLE chunks (
          version_no BIGINT NOT NULL REFERENCES document_versions(no) ON DELETE CASCADE,
          ordinal BIGINT NOT NULL,
          span_start BIGINT NOT NULL,
          span_end BIGINT NOT NULL,
          page BIGINT NULL,
          heading_path TEXT NOT NULL,
          context TEXT NOT NULL,
          hash TEXT NOT NULL,
          units {bytes} NOT NULL,
          model TEXT NULL,
          vector {bytes} NULL,
          PRIMARY KEY (version_no, ordinal));
        CREATE INDEX chunks_to_embed ON chunks (version_no, ordinal) WHERE vector IS NULL;
        CREATE TABLE idempotency_keys (
          key TEXT PRIMARY KEY,
          request_hash TEXT NOT NULL,
          response TEXT NOT NULL,
          created_at BIGINT NOT NULL)
        """);
}
