using FluentMigrator;
using Rag.Storage;

namespace Rag.Incidents;

/// <summary>
/// Incidents as events, and what is made of them for lists and look-ups; who has to be told; which key is being worked on; and
/// under which other id an incident was told of while the record was away.
/// </summary>
[Migration(20261125006)]
public sealed class M20261125006_Incidents : RecordMigration
{
    public override void Up()
    {
        Sql("""
            CREATE TABLE incidents (
              id TEXT PRIMARY KEY,
              alert_key TEXT NOT NULL,
              title TEXT NOT NULL,
              severity TEXT NOT NULL,
              state TEXT NOT NULL,
              started_at BIGINT NOT NULL,
              opened_at BIGINT NOT NULL,
              resolved_at BIGINT,
              escalate_at BIGINT,
              events BIGINT NOT NULL,
              version BIGINT NOT NULL)
            """);
        Sql("CREATE INDEX incidents_by_key ON incidents (alert_key, opened_at)");
        Sql("CREATE INDEX incidents_by_time ON incidents (opened_at)");
        Sql("CREATE INDEX incidents_by_state ON incidents (state)");
        Sql("""
            CREATE TABLE incident_events (
              id TEXT PRIMARY KEY,
              incident_id TEXT NOT NULL,
              at BIGINT NOT NULL,
              kind TEXT NOT NULL,
              actor TEXT NOT NULL,
              data TEXT NOT NULL)
            """);
        Sql("CREATE INDEX incident_events_by_incident ON incident_events (incident_id)");
        Sql("""
            CREATE TABLE incident_alerts (
              firing TEXT PRIMARY KEY,
              fingerprint TEXT NOT NULL,
              starts_at BIGINT NOT NULL,
              incident_id TEXT NOT NULL)
            """);
        Sql("CREATE TABLE incident_keys (alert_key TEXT PRIMARY KEY, touched_at BIGINT NOT NULL)");
        Sql("CREATE TABLE incident_aliases (id TEXT PRIMARY KEY, incident_id TEXT NOT NULL)");
        Sql("""
            CREATE TABLE incident_notifications (
              id TEXT PRIMARY KEY,
              incident_id TEXT NOT NULL,
              round BIGINT NOT NULL,
              step TEXT NOT NULL,
              role TEXT NOT NULL,
              channel TEXT NOT NULL,
              deadline BIGINT,
              state TEXT NOT NULL,
              tries BIGINT NOT NULL,
              due_at BIGINT NOT NULL,
              lease_until BIGINT NOT NULL,
              claimed_by TEXT,
              sent_at BIGINT,
              detail TEXT)
            """);
        Sql("CREATE INDEX incident_notifications_by_state ON incident_notifications (state, due_at)");
        Sql("CREATE INDEX incident_notifications_by_incident ON incident_notifications (incident_id)");
    }
}
