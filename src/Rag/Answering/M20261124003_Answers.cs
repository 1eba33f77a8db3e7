using FluentMigrator;
using Rag.Storage;

namespace Rag.Answering;

/// <summary>Provenance of answers: question, position, evidence and choice; spans and digests, no document text.</summary>
[Migration(20261124003)]
public sealed class M20261124003_Answers : RecordMigration
{
    public override void Up() => Sql("""
        CREATE TABLE answers (
          id TEXT PRIMARY KEY,
          collection_id TEXT NOT NULL,
          created_at BIGINT NOT NULL,
          outcome TEXT NOT NULL,
          body TEXT NOT NULL,
          rating BIGINT NULL,
          comment TEXT NULL);
        CREATE INDEX answers_by_time ON answers (created_at)
        """);
}
