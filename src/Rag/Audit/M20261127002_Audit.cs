using FluentMigrator;
using Rag.Storage;

namespace Rag.Audit;

/// <summary>
/// The audit record: whose records they are, the records in the order of their places in the tree, inner nodes of the tree
/// at every fourth level, signed checkpoints, segments, and holds.
/// </summary>
[Migration(20261127002)]
public sealed class M20261127002_Audit : RecordMigration
{
    public override void Up()
    {
        Sql("""
            CREATE TABLE audit_subjects (
              id TEXT PRIMARY KEY,
              owner TEXT NULL,
              wrapped_key {bytes} NULL,
              created_at BIGINT NOT NULL,
              destroyed_at BIGINT NULL)
            """);
        Sql("CREATE UNIQUE INDEX audit_subjects_by_owner ON audit_subjects (owner)");
        Sql("""
            CREATE TABLE audit_records (
              no {serial},
              id TEXT NOT NULL,
              at BIGINT NOT NULL,
              category TEXT NOT NULL,
              action TEXT NOT NULL,
              outcome TEXT NOT NULL,
              subject TEXT NOT NULL,
              resource TEXT NULL,
              envelope {bytes} NOT NULL,
              mac {bytes} NOT NULL,
              leaf_index {integer} NULL,
              leaf_hash {bytes} NULL)
            """);
        Sql("CREATE UNIQUE INDEX audit_records_by_id ON audit_records (id)");
        Sql("CREATE UNIQUE INDEX audit_records_by_leaf ON audit_records (leaf_index)");
        Sql("CREATE INDEX audit_records_unsequenced ON audit_records (no) WHERE leaf_index IS NULL");
        Sql("CREATE INDEX audit_records_by_time ON audit_records (at, no)");
        Sql("CREATE INDEX audit_records_by_subject ON audit_records (subject, no)");
        Sql("CREATE INDEX audit_records_by_action ON audit_records (action, no)");
        Sql("CREATE INDEX audit_records_by_resource ON audit_records (resource, no)");
        Sql("""
            CREATE TABLE audit_tree (
              id {integer} PRIMARY KEY,
              size BIGINT NOT NULL,
              peaks {bytes} NOT NULL)
            """);
        Sql("""
            CREATE TABLE audit_nodes (
              level {integer} NOT NULL,
              place BIGINT NOT NULL,
              hash {bytes} NOT NULL,
              PRIMARY KEY (level, place))
            """);
        Sql("""
            CREATE TABLE audit_checkpoints (
              size BIGINT PRIMARY KEY,
              note TEXT NOT NULL,
              signed_at BIGINT NOT NULL,
              outside_at BIGINT NULL)
            """);
        Sql("""
            CREATE TABLE audit_segments (
              first_leaf BIGINT PRIMARY KEY,
              end_leaf BIGINT NULL,
              opened_at BIGINT NOT NULL,
              first_at BIGINT NULL,
              last_at BIGINT NULL,
              expired_at BIGINT NULL)
            """);
        Sql("""
            CREATE TABLE audit_holds (
              id TEXT PRIMARY KEY,
              reason TEXT NOT NULL,
              subject TEXT NULL,
              from_at BIGINT NULL,
              to_at BIGINT NULL,
              placed_at BIGINT NOT NULL,
              released_at BIGINT NULL)
            """);
    }
}
