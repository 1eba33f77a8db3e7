using FluentMigrator;
using Rag.Storage;

namespace Rag.Maintenance;

/// <summary>
/// Read-only mode, runs of the maintenance procedure, runs of schedules, and what retention removed. The columns <c>one</c>
/// are always 1: with them an index says that there is one at a time.
/// </summary>
[Migration(20261127070)]
public sealed class M20261127070_Keeping : RecordMigration
{
    public override void Up() => Sql("""
        CREATE TABLE read_only_periods (
          id TEXT PRIMARY KEY,
          one BIGINT NOT NULL,
          reason TEXT NOT NULL,
          owner TEXT NOT NULL,
          since_at BIGINT NOT NULL,
          until_at BIGINT NOT NULL,
          ended_at BIGINT NULL,
          ended_by TEXT NULL,
          run_id TEXT NULL);
        CREATE UNIQUE INDEX read_only_periods_open ON read_only_periods (one) WHERE ended_at IS NULL;
        CREATE TABLE maintenance_runs (
          id TEXT PRIMARY KEY,
          one BIGINT NOT NULL,
          reason TEXT NOT NULL,
          owner TEXT NOT NULL,
          started_at BIGINT NOT NULL,
          until_at BIGINT NOT NULL,
          with_backup BIGINT NOT NULL,
          backup_id TEXT NULL,
          rows_before TEXT NULL,
          cancelled_by TEXT NULL,
          ended_at BIGINT NULL,
          outcome TEXT NULL,
          problem TEXT NULL);
        CREATE UNIQUE INDEX maintenance_runs_open ON maintenance_runs (one) WHERE ended_at IS NULL;
        CREATE TABLE maintenance_steps (
          run_id TEXT NOT NULL,
          step TEXT NOT NULL,
          started_at BIGINT NOT NULL,
          ended_at BIGINT NULL,
          detail TEXT NULL,
          PRIMARY KEY (run_id, step));
        CREATE TABLE schedule_states (
          schedule TEXT PRIMARY KEY,
          planned_at BIGINT NOT NULL);
        CREATE TABLE schedule_runs (
          id TEXT PRIMARY KEY,
          schedule TEXT NOT NULL,
          why TEXT NOT NULL,
          planned_at BIGINT NULL,
          asked_at BIGINT NOT NULL,
          asked_by TEXT NOT NULL,
          holder TEXT NULL,
          started_at BIGINT NULL,
          ended_at BIGINT NULL,
          outcome TEXT NULL,
          detail TEXT NULL);
        CREATE UNIQUE INDEX schedule_runs_open ON schedule_runs (schedule) WHERE ended_at IS NULL;
        CREATE INDEX schedule_runs_by_schedule ON schedule_runs (schedule, id);
        CREATE TABLE retention_deletions (
          id TEXT PRIMARY KEY,
          run_id TEXT NOT NULL,
          rule TEXT NOT NULL,
          deleted_at BIGINT NOT NULL,
          deleted BIGINT NOT NULL,
          oldest_at BIGINT NULL,
          newest_at BIGINT NULL,
          why TEXT NOT NULL);
        CREATE INDEX retention_deletions_by_rule ON retention_deletions (rule, deleted_at);
        CREATE TABLE retention_holds (
          id TEXT PRIMARY KEY,
          rule TEXT NOT NULL,
          reason TEXT NOT NULL,
          from_at BIGINT NULL,
          to_at BIGINT NULL,
          placed_at BIGINT NOT NULL,
          placed_by TEXT NOT NULL,
          released_at BIGINT NULL,
          released_by TEXT NULL)
        """);
}
