using System.Data.Common;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Maintenance;

/// <summary>
/// Read-only mode of the whole service. It is on from one commit, which also makes the database refuse writes to the documents,
/// whoever tries them; every replica hears of it within moments and refuses at its door, with the time at which trying again
/// makes sense. It ends by itself at its time: whichever replica sees that first ends it for all.
/// </summary>
internal sealed class ReadOnlyMode(Database database, ChangeLog changes, AuditTrail audit, Followers followers, RecordState record, TimeProvider time, ILogger<ReadOnlyMode> log) : BackgroundService
{
    public const string Header = "Rag-Read-Only";

    /// <summary>What processes are waited for by, in <see cref="Followers"/>.</summary>
    public const string Subject = "read-only";

    public static readonly TimeSpan MinLength = TimeSpan.FromMinutes(1), MaxLength = TimeSpan.FromDays(1);

    /// <summary>
    /// What documents are made of, in the order in which writers take the tables. Everything else goes on: audit, provenance,
    /// incidents, leases, counts by the minute.
    /// </summary>
    public static readonly IReadOnlyList<string> Tables = ["collections", "documents", "document_versions", "chunks", "change_log"];

    private const int Listed = 50;
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1), Patience = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _reading = new(1, 1);
    private volatile ReadOnlyPeriod? _current;
    private long _position = -1;
    private bool _compared;

    /// <summary>The period that this replica knows to be on; null where writes are taken.</summary>
    public ReadOnlyPeriod? Current => _current;

    /// <summary>Refuses what would write while read-only mode is on.</summary>
    /// <exception cref="RagException">ReadOnly: it is.</exception>
    public void Require()
    {
        if (_current is not { } period) return;
        var left = period.Until - time.GetUtcNow();
        throw new RagException(
            ErrorKind.ReadOnly, $"Nothing is written until {period.Until:yyyy-MM-dd HH:mm} UTC at the latest: {period.Reason}", $"Try again then. Questions are answered meanwhile; {period.Owner} answers for the maintenance.")
        {
            RetryAfterSeconds = Math.Max(1, (int)Math.Ceiling(left.TotalSeconds)),
        };
    }

    /// <summary><c>until; reason; owner</c> in ASCII, where it is on.</summary>
    public string? HeaderValue() => _current is { } p ? $"{MaintenanceNotice.Time(p.Until)}; {MaintenanceText.Ascii(p.Reason)}; {MaintenanceText.Ascii(p.Owner)}" : null;

    /// <summary>Turns it on; where it is on by hand already, the new reason and time hold from now.</summary>
    /// <exception cref="RagException">Invalid: no reason, or a length out of bounds; Conflict: the maintenance procedure has it on.</exception>
    public async Task<ReadOnlyStatus> OnAsync(TurnReadOnly wanted, CancellationToken ct)
    {
        string reason = MaintenanceText.Reason(wanted.Reason), owner = MaintenanceText.Owner(wanted.Owner);
        var length = Durations.Parse(wanted.For, "the length of read-only mode", MinLength, MaxLength);
        await database.WriteAsync(async tx =>
        {
            await CloseDoorAsync(tx);
            if (await OpenAsync(tx) is { } open)
            {
                if (open.RunId is not null) throw OfRun(open.RunId);
                await CloseAsync(tx, open.Id, Actor.Current.Name);
            }
            await BeginAsync(tx, reason, owner, time.GetUtcNow() + length, run: null);
        }, ct);
        return await StatusAsync(await SpreadAsync(ct), ct);
    }

    /// <exception cref="RagException">Conflict: it is not on, or the maintenance procedure has it on.</exception>
    public async Task<ReadOnlyStatus> OffAsync(CancellationToken ct)
    {
        await database.WriteAsync(async tx =>
        {
            var open = await OpenAsync(tx) ?? throw new RagException(ErrorKind.Conflict, "Read-only mode is not on.", "There is nothing to end.");
            if (open.RunId is not null) throw OfRun(open.RunId);
            await EndAsync(tx, open.Id, Actor.Current.Name);
        }, ct);
        return await StatusAsync(await SpreadAsync(ct), ct);
    }

    public Task<ReadOnlyStatus> StatusAsync(CancellationToken ct) => StatusAsync([], ct);

    /// <summary>Turns it on for a run of the procedure, in the caller's transaction; <see cref="SpreadAsync"/> follows its commit.</summary>
    /// <exception cref="RagException">Conflict: it is on for something else.</exception>
    public async Task BeginForAsync(DbTransaction tx, string run, string reason, string owner, DateTimeOffset until)
    {
        await CloseDoorAsync(tx);
        if (await OpenAsync(tx) is { } open)
        {
            if (open.RunId == run) return;
            throw new RagException(ErrorKind.Conflict, "Read-only mode is on already.", "End it first: 'rag maintenance read-only off'.");
        }
        await BeginAsync(tx, reason, owner, until, run);
    }

    /// <summary>Whether the run still has it on, and the database still refuses.</summary>
    public async Task<bool> HoldsForAsync(string run, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        string? open = await connection.QuerySingleOrDefaultAsync<string>(new CommandDefinition("SELECT run_id FROM read_only_periods WHERE ended_at IS NULL", cancellationToken: ct));
        return open == run && (await database.GuardedAsync(connection, ct)).Count == Tables.Count;
    }

    /// <summary>Ends what a run has on, in the caller's transaction; nothing where it has nothing on.</summary>
    public async Task EndForAsync(DbTransaction tx, string run)
    {
        if (await OpenAsync(tx) is { } open && open.RunId == run) await EndAsync(tx, open.Id, "rag-system");
    }

    /// <summary>Tells the other replicas, and waits a few seconds for them; the names of those that did not say that they know.</summary>
    public async Task<IReadOnlyList<string>> SpreadAsync(CancellationToken ct)
    {
        changes.Announce();
        await RefreshAsync(ct);
        return await followers.WaitAllAsync(Subject, Interlocked.Read(ref _position), Patience, ct);
    }

    /// <summary>Reads the present state; ends a period whose time is over.</summary>
    public async Task RefreshAsync(CancellationToken ct)
    {
        await _reading.WaitAsync(ct);
        try
        {
            await ReadAsync(ct);
            if (!_compared) await CompareAsync(ct);
            if (_current is not { } period || period.Until > time.GetUtcNow()) return;
            bool ended = await database.WriteAsync(async tx =>
            {
                if (await OpenAsync(tx) is not { } open || Clock.FromMicroseconds(open.UntilAt) > time.GetUtcNow()) return false;
                await EndAsync(tx, open.Id, "its time");
                return true;
            }, ct);
            if (ended) log.ReadOnlyRanOut(period.Reason);
            changes.Announce();
            await ReadAsync(ct);
        }
        finally
        {
            _reading.Release();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var announced = changes.NextAnnouncement;
            try
            {
                if (!record.Away) await RefreshAsync(stop);
            }
            catch (Exception e) when (e is RagException or DbException)
            {
                // The record is away, or held by somebody for a moment; what was read last holds, and the database refuses by itself.
                if (_current is { } period && period.Until <= time.GetUtcNow() && !record.Away) log.ReadOnlyNotEnded(e.Message);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            await announced.WaitAsync(Look, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        long position = await connection.ExecuteScalarAsync<long>(new CommandDefinition("SELECT COUNT(*) + COUNT(ended_at) FROM read_only_periods", cancellationToken: ct));
        var open = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition($"{Select} WHERE ended_at IS NULL", cancellationToken: ct));
        _current = open is null ? null : Period(open);
        if (Interlocked.Exchange(ref _position, position) != position) await followers.ReachedAsync(Subject, position, ct);
    }

    /// <summary>
    /// Once at the start: what the database refuses is what the record says. They differ where the record came from a copy that
    /// was made during a maintenance.
    /// </summary>
    private async Task CompareAsync(CancellationToken ct)
    {
        await using (var connection = await database.OpenAsync(ct))
        {
            var guarded = await database.GuardedAsync(connection, ct);
            if (_current is null ? guarded.Count == 0 : guarded.Count == Tables.Count)
            {
                _compared = true;
                return;
            }
        }
        await database.WriteAsync(async tx =>
        {
            if (await OpenAsync(tx) is null)
            {
                await audit.AppendAsync(tx, AuditEvent.Administrative("read_only.mend", "service", new Dictionary<string, string> { ["did"] = "writes are taken again: no read-only mode is on" }));
                await database.UnguardAsync(tx, Tables);
            }
            else
            {
                await audit.AppendAsync(tx, AuditEvent.Administrative("read_only.mend", "service", new Dictionary<string, string> { ["did"] = "writes are refused again: read-only mode is on" }));
                await database.GuardAsync(tx, Tables);
            }
        }, ct);
        log.ReadOnlyMended();
        _compared = true;
    }

    /// <summary>The period's row first, then the tables: the order in which it is ended, too.</summary>
    private async Task CloseDoorAsync(DbTransaction tx)
    {
        await OpenAsync(tx);
        await database.GuardAsync(tx, Tables);
    }

    private async Task BeginAsync(DbTransaction tx, string reason, string owner, DateTimeOffset until, string? run)
    {
        string id = Ids.New(time);
        await audit.AppendAsync(tx, AuditEvent.Administrative("read_only.start", "service", new Dictionary<string, string> { ["reason"] = reason, ["owner"] = owner, ["until"] = MaintenanceNotice.Time(until) }));
        await tx.Connection!.ExecuteAsync(
            "INSERT INTO read_only_periods (id, one, reason, owner, since_at, until_at, run_id) VALUES (@id, 1, @reason, @owner, @since, @until, @run)",
            new { id, reason, owner, since = time.Microseconds(), until = Clock.ToMicroseconds(until), run }, tx);
        await database.LockChangeLogAsync(tx);
    }

    private async Task EndAsync(DbTransaction tx, string id, string by)
    {
        await database.UnguardAsync(tx, Tables);
        await audit.AppendAsync(tx, AuditEvent.Administrative("read_only.end", "service", new Dictionary<string, string> { ["ended_by"] = by }));
        await CloseAsync(tx, id, by);
        await database.LockChangeLogAsync(tx);
    }

    private Task CloseAsync(DbTransaction tx, string id, string by) =>
        tx.Connection!.ExecuteAsync("UPDATE read_only_periods SET ended_at = @now, ended_by = @by WHERE id = @id", new { now = time.Microseconds(), by, id }, tx);

    /// <summary>The open period, held until the transaction ends.</summary>
    private Task<Row?> OpenAsync(DbTransaction tx) => tx.Connection!.QuerySingleOrDefaultAsync<Row>($"{Select} WHERE ended_at IS NULL {database.Dialect.LockRows}", transaction: tx);

    private async Task<ReadOnlyStatus> StatusAsync(IReadOnlyList<string> behind, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = (await connection.QueryAsync<Row>(new CommandDefinition($"{Select} ORDER BY since_at DESC, id DESC LIMIT @Listed", new { Listed }, cancellationToken: ct))).AsList();
        var open = rows.Find(r => r.EndedAt is null);
        return new(open is not null, open is null ? null : Period(open), await database.GuardedAsync(connection, ct), behind, [.. rows.Where(r => r.EndedAt is not null).Select(Period)]);
    }

    private static RagException OfRun(string run) => new(ErrorKind.Conflict, $"Read-only mode belongs to the maintenance run {run}.", $"It ends with the run; 'rag maintenance run cancel {run}' ends that.");

    private static ReadOnlyPeriod Period(Row r) => new(
        r.Id, r.Reason, r.Owner, Clock.FromMicroseconds(r.SinceAt), Clock.FromMicroseconds(r.UntilAt), r.EndedAt is { } ended ? Clock.FromMicroseconds(ended) : null, r.EndedBy, r.RunId);

    private const string Select =
        "SELECT id AS Id, reason AS Reason, owner AS Owner, since_at AS SinceAt, until_at AS UntilAt, ended_at AS EndedAt, ended_by AS EndedBy, run_id AS RunId FROM read_only_periods";

    private sealed record Row(string Id, string Reason, string Owner, long SinceAt, long UntilAt, long? EndedAt, string? EndedBy, string? RunId);
}

/// <summary>Marks routes that write documents.</summary>
internal sealed class WritesDocuments;

internal static class ReadOnlyRoutes
{
    /// <summary>The route writes documents: it is refused while read-only mode is on, before its body is read.</summary>
    public static T RefusedWhileReadOnly<T>(this T route) where T : IEndpointConventionBuilder => route.WithMetadata(new WritesDocuments()).AddEndpointFilter((context, next) =>
    {
        context.HttpContext.RequestServices.GetRequiredService<ReadOnlyMode>().Require();
        return next(context);
    });
}
