using System.Data.Common;
using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Maintenance.Retention;

/// <summary>Legal holds: while one is placed, nothing of its kind and time is removed.</summary>
internal sealed class RetentionHoldDesk(Database database, IEnumerable<IRetentionRule> rules, AuditTrail audit, AuditKeeping keeping, TimeProvider time)
{
    public const string All = "all";

    private const int MaxOpen = 100, Listed = 200;

    /// <exception cref="RagException">NotFound: no such rule; Invalid: no reason, or an end before the beginning; Conflict: too many.</exception>
    public async Task<RetentionHold> PlaceAsync(PlaceHold wanted, CancellationToken ct)
    {
        string reason = MaintenanceText.Reason(wanted.Reason), id = Ids.New(time), by = MaintenanceText.Owner(null);
        if (wanted.Rule != All && rules.All(r => r.Name != wanted.Rule)) throw new RagException(ErrorKind.NotFound, $"There is nothing kept by the name '{wanted.Rule}'.", $"Use {All} or one of {string.Join(", ", rules.Select(r => r.Name).Order(StringComparer.Ordinal))}.");
        if (wanted.To < wanted.From) throw new RagException(ErrorKind.Invalid, "The hold ends before it begins.", "Give a later end.");
        await database.WriteAsync(async tx =>
        {
            if (await tx.Connection!.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM retention_holds WHERE released_at IS NULL", transaction: tx) >= MaxOpen)
                throw new RagException(ErrorKind.Conflict, $"There are {MaxOpen} holds.", "Release those that are not needed any more.");
            await audit.AppendAsync(tx, AuditEvent.Administrative("retention.hold.add", "hold:" + id, new Dictionary<string, string> { ["rule"] = wanted.Rule, ["reason"] = reason }));
            await tx.Connection!.ExecuteAsync(
                "INSERT INTO retention_holds (id, rule, reason, from_at, to_at, placed_at, placed_by) VALUES (@id, @Rule, @reason, @from, @to, @now, @by)",
                new { id, wanted.Rule, reason, from = Micro(wanted.From), to = Micro(wanted.To), now = time.Microseconds(), by }, tx);
            // Under the same id, so that it is released with this one.
            if (wanted.Rule is All or AuditRetention.RuleName) await keeping.HoldAsync(tx, id, reason, null, wanted.From, wanted.To);
        }, ct);
        return (await ListAsync(ct)).First(h => h.Id == id);
    }

    /// <exception cref="RagException">NotFound: no such hold, or it was released.</exception>
    public async Task<RetentionHold> ReleaseAsync(string id, CancellationToken ct)
    {
        string by = MaintenanceText.Owner(null);
        await database.WriteAsync(async tx =>
        {
            await audit.AppendAsync(tx, AuditEvent.Administrative("retention.hold.remove", "hold:" + id));
            int released = await tx.Connection!.ExecuteAsync("UPDATE retention_holds SET released_at = @now, released_by = @by WHERE id = @id AND released_at IS NULL", new { now = time.Microseconds(), by, id }, tx);
            if (released == 0) throw new RagException(ErrorKind.NotFound, $"There is no hold '{id}' that could be released.", "'rag retention status' shows them.");
            await keeping.ReleaseAsync(tx, id);
        }, ct);
        return (await ListAsync(ct)).First(h => h.Id == id);
    }

    /// <summary>Those that hold first, then the newest.</summary>
    public async Task<IReadOnlyList<RetentionHold>> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition($"{Select} ORDER BY CASE WHEN released_at IS NULL THEN 0 ELSE 1 END, id DESC LIMIT @Listed", new { Listed }, cancellationToken: ct));
        return [.. rows.Select(r => new RetentionHold(r.Id, r.Rule, r.Reason, At(r.FromAt), At(r.ToAt), Clock.FromMicroseconds(r.PlacedAt), r.PlacedBy, At(r.ReleasedAt), r.ReleasedBy))];
    }

    /// <summary>What holds things of a rule now.</summary>
    public async Task<RetentionHolds> OfAsync(DbConnection connection, string rule, CancellationToken ct)
    {
        var rows = await connection.QueryAsync<Row>(new CommandDefinition($"{Select} WHERE released_at IS NULL AND rule IN (@rule, @All)", new { rule, All }, cancellationToken: ct));
        return new([.. rows.Select(r => (At(r.FromAt) ?? DateTimeOffset.UnixEpoch, At(r.ToAt) ?? new DateTimeOffset(9999, 1, 1, 0, 0, 0, TimeSpan.Zero)))]);
    }

    private const string Select =
        "SELECT id AS Id, rule AS Rule, reason AS Reason, from_at AS FromAt, to_at AS ToAt, placed_at AS PlacedAt, placed_by AS PlacedBy, released_at AS ReleasedAt, released_by AS ReleasedBy FROM retention_holds";

    private static long? Micro(DateTimeOffset? at) => at is { } instant ? Clock.ToMicroseconds(instant) : null;

    private static DateTimeOffset? At(long? microseconds) => microseconds is { } at ? Clock.FromMicroseconds(at) : null;

    private sealed class Row
    {
        public required string Id { get; init; }
        public required string Rule { get; init; }
        public required string Reason { get; init; }
        public long? FromAt { get; init; }
        public long? ToAt { get; init; }
        public long PlacedAt { get; init; }
        public required string PlacedBy { get; init; }
        public long? ReleasedAt { get; init; }
        public string? ReleasedBy { get; init; }
    }
}
