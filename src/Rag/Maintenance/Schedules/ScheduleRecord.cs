using System.Data.Common;
using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Maintenance.Schedules;

/// <summary>
/// Runs of schedules in the record. An index there lets each schedule have one run that has not ended: two never overlap,
/// whoever asks for them. A time at which a schedule was due is taken note of once, in the transaction that adds its run.
/// </summary>
internal sealed class ScheduleRecord(Database database, ScheduleBook book, AuditTrail audit, TimeProvider time)
{
    public const int MaxDetailChars = 2_000;
    private const int Listed = 100;

    /// <summary>Asks for a run now; the leader begins it within a moment.</summary>
    /// <exception cref="RagException">NotFound: no such schedule; Conflict: a run of it waits or runs.</exception>
    public async Task<ScheduleRunView> AskAsync(string name, CancellationToken ct)
    {
        string id = Ids.New(time), by = MaintenanceText.Owner(null);
        book.Get(name);
        await database.WriteAsync(async tx =>
        {
            await audit.AppendAsync(tx, AuditEvent.Administrative("schedule.start", "schedule:" + name, new Dictionary<string, string> { ["run"] = id }));
            if (await AddAsync(tx, id, name, ScheduleRunView.Asked, null, by) == 0) throw new RagException(ErrorKind.Conflict, $"The schedule '{name}' runs already, or waits for the leader.", "Wait until it is done: 'rag schedules list' shows it.");
        }, ct);
        return await GetAsync(id, ct);
    }

    /// <summary>
    /// Takes note that the schedule was due at a time, and adds a run for it; null where that was done before, or an earlier run
    /// has not ended. What was missed while nobody led is one run, however often it was due.
    /// </summary>
    public Task<string?> PlanAsync(LeaderTerm term, Schedule schedule, DateTimeOffset planned, bool missed, CancellationToken ct) => term.WriteAsync(async tx =>
    {
        var (name, at) = (schedule.Work.Name, Clock.ToMicroseconds(planned));
        int noted = await tx.Connection!.ExecuteAsync(
            """
            INSERT INTO schedule_states (schedule, planned_at) VALUES (@name, @at)
            ON CONFLICT (schedule) DO UPDATE SET planned_at = @at WHERE schedule_states.planned_at < @at
            """, new { name, at }, tx);
        if (noted == 0) return null;
        string id = Ids.New(time);
        return await AddAsync(tx, id, name, missed ? ScheduleRunView.Missed : ScheduleRunView.Planned, planned, Actor.System.Name) == 1 ? id : null;
    }, ct);

    /// <summary>When each schedule was due last, as far as it was taken note of; a schedule that is new begins now.</summary>
    public async Task<IReadOnlyDictionary<string, DateTimeOffset>> PlannedAsync(LeaderTerm term, CancellationToken ct)
    {
        var known = await ReadAsync();
        var added = book.All.Where(s => !known.ContainsKey(s.Work.Name)).Select(s => s.Work.Name).ToList();
        if (added.Count == 0) return known;
        long now = time.Microseconds();
        await term.WriteAsync(tx => tx.Connection!.ExecuteAsync("INSERT INTO schedule_states (schedule, planned_at) VALUES (@name, @now) ON CONFLICT (schedule) DO NOTHING", added.Select(name => new { name, now }), tx), ct);
        return await ReadAsync();

        async Task<Dictionary<string, DateTimeOffset>> ReadAsync()
        {
            await using var connection = await database.OpenAsync(ct);
            return (await connection.QueryAsync<(string Name, long At)>(new CommandDefinition("SELECT schedule, planned_at FROM schedule_states", cancellationToken: ct))).ToDictionary(r => r.Name, r => Clock.FromMicroseconds(r.At));
        }
    }

    /// <summary>
    /// Ends the runs that another process, or another term, began and did not end: it is gone. Each is done again, once.
    /// </summary>
    public async Task<IReadOnlyList<string>> EndOrphansAsync(LeaderTerm term, string holder, CancellationToken ct) => await term.WriteAsync<IReadOnlyList<string>>(async tx =>
    {
        var orphans = (await tx.Connection!.QueryAsync<(string Id, string Schedule, string Why, long? Planned)>(
            "SELECT id, schedule, why, planned_at FROM schedule_runs WHERE ended_at IS NULL AND started_at IS NOT NULL AND holder <> @holder", new { holder }, tx)).AsList();
        foreach (var o in orphans)
        {
            await EndAsync(tx, o.Id, ScheduleRunView.Interrupted, "The process that did it was stopped.");
            if (o.Why != ScheduleRunView.Again && book.All.Any(s => s.Work.Name == o.Schedule))
                await AddAsync(tx, Ids.New(time), o.Schedule, ScheduleRunView.Again, o.Planned is { } at ? Clock.FromMicroseconds(at) : null, Actor.System.Name);
        }
        return [.. orphans.Select(o => o.Schedule)];
    }, ct);

    /// <summary>Runs that wait for the leader.</summary>
    public async Task<IReadOnlyList<ScheduleRunView>> WaitingAsync(CancellationToken ct) => await ReadAsync("WHERE ended_at IS NULL AND started_at IS NULL ORDER BY id", new { }, ct);

    /// <returns>Whether it was still to be begun.</returns>
    public Task<bool> BeginAsync(LeaderTerm term, string id, string holder, CancellationToken ct) => term.WriteAsync(async tx =>
        await tx.Connection!.ExecuteAsync("UPDATE schedule_runs SET started_at = @now, holder = @holder WHERE id = @id AND started_at IS NULL", new { now = time.Microseconds(), holder, id }, tx) == 1, ct);

    public Task EndAsync(LeaderTerm term, string id, string outcome, string detail) => term.WriteAsync(async tx =>
    {
        await EndAsync(tx, id, outcome, detail);
        return 0;
    }, CancellationToken.None);

    /// <exception cref="RagException">NotFound.</exception>
    public async Task<ScheduleRunView> GetAsync(string id, CancellationToken ct) => await ReadAsync("WHERE id = @id", new { id }, ct) is [var run] ? run
        : throw new RagException(ErrorKind.NotFound, $"There is no run '{id}'.", "'rag schedules list' shows the last of each schedule.");

    /// <summary>Runs of one schedule, or of all; the newest first.</summary>
    public async Task<ScheduleRunList> RunsAsync(string? name, CancellationToken ct)
    {
        if (name is not null) book.Get(name);
        return new(await ReadAsync("WHERE (@name IS NULL OR schedule = @name) ORDER BY id DESC LIMIT @Listed", new { name = new DbString { Value = name }, Listed }, ct));
    }

    public async Task<ScheduleList> ListAsync(CancellationToken ct)
    {
        var last = (await ReadAsync("WHERE id IN (SELECT MAX(id) FROM schedule_runs GROUP BY schedule)", new { }, ct)).ToDictionary(r => r.Schedule);
        var done = await LastDoneAsync(ct);
        var now = time.GetUtcNow();
        return new([.. book.All.Select(s => new ScheduleView(
            s.Work.Name, s.Work.What, s.Cron?.CronExpressionString ?? ScheduleBook.Off, s.NextAfter(now), last.GetValueOrDefault(s.Work.Name), done.TryGetValue(s.Work.Name, out var at) ? at : null))]);
    }

    /// <summary>When each schedule was done last.</summary>
    public async Task<IReadOnlyDictionary<string, DateTimeOffset>> LastDoneAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<(string Name, long At)>(new CommandDefinition(
            "SELECT schedule, MAX(ended_at) FROM schedule_runs WHERE outcome = @Done GROUP BY schedule", new { ScheduleRunView.Done }, cancellationToken: ct))).ToDictionary(r => r.Name, r => Clock.FromMicroseconds(r.At));
    }

    private Task<int> AddAsync(DbTransaction tx, string id, string name, string why, DateTimeOffset? planned, string by) => tx.Connection!.ExecuteAsync(
        "INSERT INTO schedule_runs (id, schedule, why, planned_at, asked_at, asked_by) VALUES (@id, @name, @why, @planned, @now, @by) ON CONFLICT DO NOTHING",
        new { id, name, why, planned = planned is { } at ? Clock.ToMicroseconds(at) : (long?)null, now = time.Microseconds(), by }, tx);

    private Task<int> EndAsync(DbTransaction tx, string id, string outcome, string detail) => tx.Connection!.ExecuteAsync(
        "UPDATE schedule_runs SET ended_at = @now, outcome = @outcome, detail = @detail WHERE id = @id AND ended_at IS NULL",
        new { now = time.Microseconds(), outcome, detail = detail.Length <= MaxDetailChars ? detail.Replace('\0', '\uFFFD') : detail[..MaxDetailChars].Replace('\0', '\uFFFD'), id }, tx);

    private async Task<IReadOnlyList<ScheduleRunView>> ReadAsync(string where, object values, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            $"""
            SELECT id AS Id, schedule AS Schedule, why AS Why, planned_at AS PlannedAt, asked_at AS AskedAt, asked_by AS AskedBy, started_at AS StartedAt, ended_at AS EndedAt, outcome AS Outcome, detail AS Detail
            FROM schedule_runs {where}
            """, values, cancellationToken: ct));
        return [.. rows.Select(r => new ScheduleRunView(r.Id, r.Schedule, r.Why, At(r.PlannedAt), Clock.FromMicroseconds(r.AskedAt), r.AskedBy, At(r.StartedAt), At(r.EndedAt), r.Outcome, r.Detail))];
    }

    private static DateTimeOffset? At(long? microseconds) => microseconds is { } at ? Clock.FromMicroseconds(at) : null;

    private sealed class Row
    {
        public required string Id { get; init; }
        public required string Schedule { get; init; }
        public required string Why { get; init; }
        public long? PlannedAt { get; init; }
        public long AskedAt { get; init; }
        public required string AskedBy { get; init; }
        public long? StartedAt { get; init; }
        public long? EndedAt { get; init; }
        public string? Outcome { get; init; }
        public string? Detail { get; init; }
    }
}
