using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Maintenance;

/// <summary>Runs of the maintenance procedure in the record: what was asked for, which steps are done. One at a time.</summary>
internal sealed class MaintenanceRuns(Database database, AuditTrail audit, TimeProvider time, MaintenanceBackup? backup = null)
{
    public static readonly TimeSpan MinLength = TimeSpan.FromMinutes(1), MaxLength = TimeSpan.FromDays(1);

    private const int Listed = 50;
    private const string DefaultLength = "2h";

    /// <summary>Asks for a run, which the leader begins within a moment.</summary>
    /// <exception cref="RagException">Conflict: one runs, or read-only mode is on; Invalid: no reason, or a length out of bounds.</exception>
    public async Task<MaintenanceRun> StartAsync(StartMaintenance wanted, CancellationToken ct)
    {
        string reason = MaintenanceText.Reason(wanted.Reason), owner = MaintenanceText.Owner(wanted.Owner), id = Ids.New(time);
        var length = Durations.Parse(wanted.For ?? DefaultLength, "the length of the maintenance", MinLength, MaxLength);
        bool withBackup = wanted.Backup ?? true;
        if (withBackup && backup is null) throw new RagException(ErrorKind.Unavailable, "This service makes no backups.", "Make one by other means, and start the maintenance with --no-backup.");
        var now = time.GetUtcNow();
        await database.WriteAsync(async tx =>
        {
            if (await tx.Connection!.ExecuteScalarAsync<bool>("SELECT EXISTS (SELECT 1 FROM read_only_periods WHERE ended_at IS NULL AND run_id IS NULL)", transaction: tx))
                throw new RagException(ErrorKind.Conflict, "Read-only mode is on already.", "End it first: 'rag maintenance read-only off'.");
            await audit.AppendAsync(tx, AuditEvent.Administrative("maintenance.start", "maintenance:" + id, new Dictionary<string, string> { ["reason"] = reason, ["owner"] = owner, ["backup"] = withBackup ? "yes" : "no" }));
            int added = await tx.Connection!.ExecuteAsync(
                """
                INSERT INTO maintenance_runs (id, one, reason, owner, started_at, until_at, with_backup) VALUES (@id, 1, @reason, @owner, @now, @until, @backup)
                ON CONFLICT DO NOTHING
                """, new { id, reason, owner, now = Clock.ToMicroseconds(now), until = Clock.ToMicroseconds(now + length), backup = withBackup ? 1L : 0L }, tx);
            if (added == 0) throw new RagException(ErrorKind.Conflict, "A maintenance runs already.", "Wait for it, or cancel it: 'rag maintenance run list' shows it.");
        }, ct);
        return await GetAsync(id, ct);
    }

    /// <summary>Asks the run to stop; the leader undoes it within a moment.</summary>
    /// <exception cref="RagException">NotFound: no such run; Conflict: it has ended.</exception>
    public async Task<MaintenanceRun> CancelAsync(string id, CancellationToken ct)
    {
        int asked = await database.WriteAsync(async tx =>
        {
            await audit.AppendAsync(tx, AuditEvent.Administrative("maintenance.cancel", "maintenance:" + id));
            return await tx.Connection!.ExecuteAsync("UPDATE maintenance_runs SET cancelled_by = @by WHERE id = @id AND ended_at IS NULL", new { by = Actor.Current.Name, id }, tx);
        }, ct);
        var run = await GetAsync(id, ct);
        return asked > 0 ? run : throw new RagException(ErrorKind.Conflict, $"The run {id} has ended.", "There is nothing to cancel.");
    }

    /// <exception cref="RagException">NotFound.</exception>
    public async Task<MaintenanceRun> GetAsync(string id, CancellationToken ct) => (await ReadAsync("WHERE id = @id", new { id }, ct)) is [var run] ? run
        : throw new RagException(ErrorKind.NotFound, $"There is no maintenance run '{id}'.", "'rag maintenance run list' shows them.");

    /// <summary>The newest first.</summary>
    public async Task<MaintenanceRunList> ListAsync(CancellationToken ct) => new(await ReadAsync("ORDER BY started_at DESC, id DESC LIMIT @Listed", new { Listed }, ct));

    /// <summary>The run that has not ended; null where none runs.</summary>
    public async Task<MaintenanceRun?> OpenAsync(CancellationToken ct) => (await ReadAsync("WHERE ended_at IS NULL", new { }, ct)).FirstOrDefault();

    /// <summary>Who asked it to stop; null where nobody did.</summary>
    public async Task<string?> CancelledByAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.ExecuteScalarAsync<string?>(new CommandDefinition("SELECT cancelled_by FROM maintenance_runs WHERE id = @id", new { id }, cancellationToken: ct));
    }

    /// <summary>What was kept of the time before the maintenance.</summary>
    public async Task<string?> RowsBeforeAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.ExecuteScalarAsync<string?>(new CommandDefinition("SELECT rows_before FROM maintenance_runs WHERE id = @id", new { id }, cancellationToken: ct));
    }

    public Task BeginStepAsync(LeaderTerm term, string run, string step, CancellationToken ct) => term.WriteAsync(tx => tx.Connection!.ExecuteAsync(
        "INSERT INTO maintenance_steps (run_id, step, started_at) VALUES (@run, @step, @now) ON CONFLICT (run_id, step) DO UPDATE SET started_at = @now, ended_at = NULL", new { run, step, now = time.Microseconds() }, tx), ct);

    public Task EndStepAsync(System.Data.Common.DbTransaction tx, string run, string step, string detail) => tx.Connection!.ExecuteAsync(
        "UPDATE maintenance_steps SET ended_at = @now, detail = @detail WHERE run_id = @run AND step = @step", new { run, step, detail, now = time.Microseconds() }, tx);

    private async Task<IReadOnlyList<MaintenanceRun>> ReadAsync(string where, object values, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var runs = (await connection.QueryAsync<RunRow>(new CommandDefinition(
            $"""
            SELECT id AS Id, reason AS Reason, owner AS Owner, started_at AS StartedAt, until_at AS UntilAt, with_backup AS WithBackup, backup_id AS BackupId, ended_at AS EndedAt, outcome AS Outcome, problem AS Problem
            FROM maintenance_runs {where}
            """, values, cancellationToken: ct))).AsList();
        var read = new List<MaintenanceRun>(runs.Count);
        foreach (var r in runs)
        {
            var steps = await connection.QueryAsync<StepRow>(new CommandDefinition(
                "SELECT step AS Step, started_at AS StartedAt, ended_at AS EndedAt, detail AS Detail FROM maintenance_steps WHERE run_id = @Id ORDER BY started_at", new { r.Id }, cancellationToken: ct));
            read.Add(new(
                r.Id, r.Reason, r.Owner, Clock.FromMicroseconds(r.StartedAt), Clock.FromMicroseconds(r.UntilAt), r.WithBackup != 0, r.BackupId, At(r.EndedAt), r.Outcome, r.Problem,
                [.. steps.Select(s => new MaintenanceStep(s.Step, Clock.FromMicroseconds(s.StartedAt), At(s.EndedAt), s.Detail)).OrderBy(s => MaintenanceStepName.All.IndexOf(s.Step))]));
        }
        return read;
    }

    private static DateTimeOffset? At(long? microseconds) => microseconds is { } at ? Clock.FromMicroseconds(at) : null;

    private sealed record RunRow(
        string Id, string Reason, string Owner, long StartedAt, long UntilAt, long WithBackup, string? BackupId, long? EndedAt, string? Outcome, string? Problem);

    private sealed record StepRow(string Step, long StartedAt, long? EndedAt, string? Detail);
}

file static class Lists
{
    public static int IndexOf(this IReadOnlyList<string> list, string item)
    {
        for (int i = 0; i < list.Count; i++) if (list[i] == item) return i;
        return list.Count;
    }
}
