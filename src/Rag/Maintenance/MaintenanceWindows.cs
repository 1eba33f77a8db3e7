using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Maintenance;

/// <summary>Windows in the record. A window is announced and may be cancelled; it is never changed otherwise.</summary>
internal sealed class MaintenanceWindows(Database database, Alertmanager alertmanager, MaintenanceNotice notice, AuditTrail audit, TimeProvider time)
{
    public const int MaxTitleChars = 200, MaxByChars = 200, MaxOpen = 100;
    public static readonly TimeSpan MinLength = TimeSpan.FromMinutes(1), MaxLength = TimeSpan.FromDays(7);

    private const int Listed = 200;

    /// <summary>A window that began just now was meant to begin now.</summary>
    private static readonly TimeSpan MaxPast = TimeSpan.FromMinutes(5);

    /// <exception cref="RagException">Invalid: title, start or length are out of bounds; Conflict: too many windows are to come.</exception>
    public async Task<WindowChanged> AnnounceAsync(AnnounceWindow wanted, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        string title = MaintenanceText.Line(wanted.Title, "title", MaxTitleChars);
        if (title.Length == 0) throw new RagException(ErrorKind.Invalid, "The window has no title.", "Say in a few words what is done, such as --title \"New version\".");
        var start = wanted.Start ?? now;
        if (start < now - MaxPast) throw new RagException(ErrorKind.Invalid, $"The start {start:O} is past.", "Choose 'now' or a time to come.");
        // RFC 3339 timestamps of far years would overflow with the length added.
        if (start > now.AddDays(366)) throw new RagException(ErrorKind.Invalid, $"The start {start:O} is more than a year away.", "Announce it nearer to the time.");
        var length = Durations.Parse(wanted.For, "the length of the window", MinLength, MaxLength);
        string by = MaintenanceText.Line(wanted.By ?? "", "by", MaxByChars) is { Length: > 0 } named ? named : "someone";
        string id = Ids.New(time);
        var (starts, ends) = (Clock.ToMicroseconds(start), Clock.ToMicroseconds(start + length));
        await database.WriteAsync(async tx =>
        {
            long open = await tx.Connection!.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM maintenance_windows WHERE cancelled_at IS NULL AND ends_at > @now", new { now = Clock.ToMicroseconds(now) }, tx);
            if (open >= MaxOpen) throw new RagException(ErrorKind.Conflict, $"{MaxOpen} windows are announced already.", "Cancel those that are not needed: 'rag maintenance window list'.");
            await audit.AppendAsync(tx, AuditEvent.Administrative("maintenance.window.announce", "window:" + id, new Dictionary<string, string> { ["title"] = title, ["starts"] = start.ToString("O"), ["ends"] = (start + length).ToString("O") }));
            await tx.Connection!.ExecuteAsync(
                "INSERT INTO maintenance_windows (id, title, starts_at, ends_at, announced_at, announced_by) VALUES (@id, @title, @starts, @ends, @at, @by)",
                new { id, title, starts, ends, at = Clock.ToMicroseconds(now), by }, tx);
        }, ct);
        string? problem = null;
        if (alertmanager.Configured)
        {
            try
            {
                string silence = await alertmanager.SilenceAsync(title, by, Clock.FromMicroseconds(starts), Clock.FromMicroseconds(ends), ct);
                await database.WriteAsync(tx => tx.Connection!.ExecuteAsync("UPDATE maintenance_windows SET silence_id = @silence WHERE id = @id", new { silence, id }, tx), CancellationToken.None);
            }
            catch (AlertmanagerException e)
            {
                problem = e.Message;
            }
        }
        await notice.RefreshAsync(CancellationToken.None);
        return new(await GetAsync(id, ct), problem, problem is null ? null : "Alerts are heard during the window. Add the silence by hand, or cancel the window and announce it again once Alertmanager answers.");
    }

    /// <exception cref="RagException">NotFound: no such window; Conflict: it is over or cancelled.</exception>
    public async Task<WindowChanged> CancelAsync(string id, CancellationToken ct)
    {
        var window = await GetAsync(id, ct);
        if (window.State is MaintenanceWindow.Over or MaintenanceWindow.Cancelled) throw new RagException(ErrorKind.Conflict, $"The window '{window.Title}' is {window.State}.", "There is nothing to cancel.");
        await database.WriteAsync(async tx =>
        {
            if (await tx.Connection!.ExecuteAsync("UPDATE maintenance_windows SET cancelled_at = @now WHERE id = @id AND cancelled_at IS NULL", new { now = time.Microseconds(), id }, tx) == 0)
                throw new RagException(ErrorKind.Conflict, $"The window '{window.Title}' is cancelled.", "There is nothing to cancel.");
            await audit.AppendAsync(tx, AuditEvent.Administrative("maintenance.window.cancel", "window:" + id, new Dictionary<string, string> { ["title"] = window.Title }));
        }, ct);
        string? problem = null;
        if (window.SilenceId is { } silence)
        {
            try
            {
                await alertmanager.ExpireAsync(silence, ct);
            }
            catch (AlertmanagerException e)
            {
                problem = e.Message;
            }
        }
        await notice.RefreshAsync(CancellationToken.None);
        return new(await GetAsync(id, ct), problem, problem is null ? null : $"Alerts stay silent until {window.EndsAt:yyyy-MM-dd HH:mm} UTC. Expire the silence {window.SilenceId} by hand once Alertmanager answers.");
    }

    /// <summary>The newest windows, those that begin last first.</summary>
    public async Task<WindowList> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition($"{Select} ORDER BY starts_at DESC, id LIMIT @Listed", new { Listed }, cancellationToken: ct));
        return new([.. rows.Select(Window)]);
    }

    /// <exception cref="RagException">NotFound: no such window.</exception>
    public async Task<MaintenanceWindow> GetAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition($"{Select} WHERE id = @id", new { id }, cancellationToken: ct));
        return row is null ? throw new RagException(ErrorKind.NotFound, $"There is no window '{id}'.", "'rag maintenance window list' shows them.") : Window(row);
    }

    internal const string Select =
        "SELECT id AS Id, title AS Title, starts_at AS StartsAt, ends_at AS EndsAt, announced_at AS AnnouncedAt, announced_by AS AnnouncedBy, cancelled_at AS CancelledAt, silence_id AS SilenceId FROM maintenance_windows";

    internal sealed record Row(string Id, string Title, long StartsAt, long EndsAt, long AnnouncedAt, string AnnouncedBy, long? CancelledAt, string? SilenceId);

    private MaintenanceWindow Window(Row r) => Window(r, time.GetUtcNow());

    internal static MaintenanceWindow Window(Row r, DateTimeOffset now)
    {
        var (starts, ends) = (Clock.FromMicroseconds(r.StartsAt), Clock.FromMicroseconds(r.EndsAt));
        DateTimeOffset? cancelled = r.CancelledAt is { } at ? Clock.FromMicroseconds(at) : null;
        return new(r.Id, r.Title, starts, ends, Clock.FromMicroseconds(r.AnnouncedAt), r.AnnouncedBy, cancelled, r.SilenceId, MaintenanceWindow.StateAt(now, starts, ends, cancelled));
    }
}
