using FluentMigrator;
using Rag.Storage;

namespace Rag.Compliance;

/// <summary>Since when reviews are counted, those that were done, and the reports that were made.</summary>
[Migration(20261127040)]
public sealed class M20261127040_Compliance : RecordMigration
{
    public override void Up() => Sql("""
        CREATE TABLE review_schedule (
          name TEXT PRIMARY KEY,
          since BIGINT NOT NULL);
        CREATE TABLE reviews (
          id TEXT PRIMARY KEY,
          name TEXT NOT NULL,
          done_at BIGINT NOT NULL,
          done_by TEXT NOT NULL,
          state TEXT NOT NULL,
          summary TEXT NOT NULL,
          notes TEXT NOT NULL,
          evidence TEXT NOT NULL,
          evidence_sha256 TEXT NOT NULL);
        CREATE INDEX reviews_by_name ON reviews (name, done_at);
        CREATE TABLE compliance_reports (
          id TEXT PRIMARY KEY,
          month TEXT NOT NULL,
          made_at BIGINT NOT NULL,
          complete BIGINT NOT NULL,
          sha256 TEXT NOT NULL,
          body TEXT NOT NULL);
        CREATE INDEX compliance_reports_by_month ON compliance_reports (month, made_at)
        """);
}
