using FluentMigrator;
using Rag.Storage;

namespace Rag.Access;

/// <summary>
/// Keys, grants and sessions, each row with the version at which it was last changed, so that replicas read only what is
/// new to them; what ends is marked and removed long after; and the secrets of forms, users that were seen, questions a day.
/// </summary>
[Migration(20261127010)]
public sealed class M20261127010_Access : RecordMigration
{
    public override void Up() => Sql("""
        CREATE TABLE access_version (
          one BIGINT PRIMARY KEY,
          version BIGINT NOT NULL);
        INSERT INTO access_version (one, version) VALUES (1, 0);
        CREATE TABLE api_keys (
          id TEXT PRIMARY KEY,
          name TEXT NOT NULL,
          owner TEXT NOT NULL,
          groups TEXT NOT NULL,
          secret_hash TEXT NOT NULL,
          old_hash TEXT NULL,
          old_until BIGINT NULL,
          per_minute BIGINT NULL,
          questions_per_day BIGINT NULL,
          created_at BIGINT NOT NULL,
          created_by TEXT NOT NULL,
          issued_at BIGINT NOT NULL,
          expires_at BIGINT NOT NULL,
          revoked_at BIGINT NULL,
          last_used_at BIGINT NULL,
          version BIGINT NOT NULL);
        CREATE INDEX api_keys_version ON api_keys (version);
        CREATE TABLE grants (
          id TEXT PRIMARY KEY,
          principal_kind TEXT NOT NULL,
          principal TEXT NOT NULL,
          role TEXT NOT NULL,
          collection_id TEXT NULL,
          created_at BIGINT NOT NULL,
          created_by TEXT NOT NULL,
          expires_at BIGINT NULL,
          removed_at BIGINT NULL,
          version BIGINT NOT NULL);
        CREATE INDEX grants_version ON grants (version);
        CREATE TABLE sessions (
          hash TEXT PRIMARY KEY,
          kind TEXT NOT NULL,
          principal TEXT NOT NULL,
          name TEXT NOT NULL,
          groups TEXT NOT NULL,
          created_at BIGINT NOT NULL,
          last_used_at BIGINT NOT NULL,
          expires_at BIGINT NOT NULL,
          ended_at BIGINT NULL,
          version BIGINT NOT NULL);
        CREATE INDEX sessions_version ON sessions (version);
        CREATE TABLE access_users (
          subject TEXT PRIMARY KEY,
          name TEXT NOT NULL,
          groups TEXT NOT NULL,
          seen_at BIGINT NOT NULL);
        CREATE TABLE form_keys (
          id TEXT PRIMARY KEY,
          content TEXT NOT NULL,
          sealed BIGINT NOT NULL,
          created_at BIGINT NOT NULL,
          version BIGINT NOT NULL);
        CREATE INDEX form_keys_version ON form_keys (version);
        CREATE TABLE question_usage (
          day BIGINT NOT NULL,
          principal TEXT NOT NULL,
          questions BIGINT NOT NULL,
          PRIMARY KEY (day, principal))
        """);
}
