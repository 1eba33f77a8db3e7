using FluentMigrator;
using Rag.Storage;

namespace Rag.Security;

/// <summary>Security events, how callers usually read, documents that nobody has a reason to read, and scans of dependencies.</summary>
[Migration(20261127030)]
public sealed class M20261127030_Security : RecordMigration
{
    public override void Up()
    {
        Sql("""
            CREATE TABLE security_events (
              id TEXT PRIMARY KEY,
              first_at BIGINT NOT NULL,
              last_at BIGINT NOT NULL,
              pattern TEXT NOT NULL,
              caller TEXT NOT NULL,
              name TEXT NOT NULL,
              address TEXT,
              count BIGINT NOT NULL,
              score DOUBLE PRECISION NOT NULL,
              place TEXT NOT NULL,
              excerpt TEXT NOT NULL,
              trace TEXT NOT NULL)
            """);
        Sql("CREATE INDEX security_events_by_time ON security_events (last_at)");
        Sql("""
            CREATE TABLE access_profiles (
              caller TEXT PRIMARY KEY,
              name TEXT NOT NULL,
              updated_at BIGINT NOT NULL,
              state {bytes} NOT NULL)
            """);
        Sql("CREATE INDEX access_profiles_by_time ON access_profiles (updated_at)");
        Sql("""
            CREATE TABLE canaries (
              document_id TEXT PRIMARY KEY,
              collection_id TEXT NOT NULL,
              collection TEXT NOT NULL,
              title TEXT NOT NULL,
              note TEXT NOT NULL,
              added_at BIGINT NOT NULL,
              added_by TEXT NOT NULL)
            """);
        Sql("""
            CREATE TABLE security_scans (
              id TEXT PRIMARY KEY,
              at BIGINT NOT NULL,
              result TEXT NOT NULL,
              data TEXT NOT NULL)
            """);
        Sql("CREATE INDEX security_scans_by_time ON security_scans (at)");
    }
}
