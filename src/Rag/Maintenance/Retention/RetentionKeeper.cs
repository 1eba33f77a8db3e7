using System.Data.Common;
using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Maintenance.Schedules;
using Rag.Storage;

namespace Rag.Maintenance.Retention;

/// <summary>
/// Removes what is kept long enough, rule by rule, in pieces, and says what is kept, due, held and was removed. A run that is
/// cut short left each piece whole, and the next goes on; a rule that fails does not keep the others from their work.
/// </summary>
internal sealed class RetentionKeeper(Database database, IEnumerable<IRetentionRule> rules, RetentionHoldDesk holds, AuditTrail audit, TimeProvider time)
{
    public const string ScheduleName = "retention";

    /// <summary>Things removed in one transaction, and pieces of one rule in one run: what is more waits for the next.</summary>
    public const int PieceSize = 5_000, MaxPieces = 2_000;

    private const int Listed = 200;

    private readonly IReadOnlyList<IRetentionRule> _rules = [.. rules.OrderBy(r => r.Name, StringComparer.Ordinal)];

    /// <summary>Removes what is due; what it did, a sentence.</summary>
    /// <exception cref="RagException">Unavailable: a rule failed; the others did their work.</exception>
    public async Task<string> RunAsync(ScheduledRun run, CancellationToken ct)
    {
        // Before anything goes: what cannot be recorded is not removed.
        await term(tx => audit.AppendAsync(tx, AuditEvent.Administrative("retention.start", "retention:" + run.Id)));
        var removed = new List<string>();
        var failed = new List<string>();
        foreach (var rule in _rules)
        {
            try
            {
                if (await RunAsync(run, rule, ct) is > 0 and var count) removed.Add($"{count:N0} of {rule.Name}");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException || (e is RagException { Kind: not ErrorKind.Conflict } or DbException && !ct.IsCancellationRequested))
            {
                failed.Add($"{rule.Name}: {e.Message.TrimEnd('.')}");
            }
        }
        string did = removed.Count == 0 ? "Nothing was due." : $"Removed {string.Join(", ", removed)}.";
        await term(tx => audit.AppendAsync(tx, AuditEvent.Administrative("retention.end", "retention:" + run.Id, new Dictionary<string, string> { ["did"] = did, ["failed"] = string.Join("; ", failed) }) with { Succeeded = failed.Count == 0 }));
        return failed.Count == 0 ? did : throw new RagException(ErrorKind.Unavailable, $"{did} {string.Join("; ", failed)}.", "What is still due is removed by the next run.");

        Task term(Func<DbTransaction, Task> work) => run.Term.WriteAsync(async tx =>
        {
            await work(tx);
            return 0;
        }, ct);
    }

    /// <summary>What is kept, due and held, and what was removed lately.</summary>
    public async Task<RetentionStatus> StatusAsync(CancellationToken ct)
    {
        var views = new List<RetentionView>();
        await using var connection = await database.OpenAsync(ct);
        long yearAgo = Clock.ToMicroseconds(time.GetUtcNow().AddYears(-1));
        var sums = (await connection.QueryAsync<Sum>(new CommandDefinition(
            "SELECT rule AS Rule, MAX(deleted_at) AS LastAt, CAST(SUM(CASE WHEN deleted_at >= @yearAgo THEN deleted ELSE 0 END) AS BIGINT) AS Year FROM retention_deletions GROUP BY rule", new { yearAgo }, cancellationToken: ct))).ToDictionary(s => s.Rule);
        foreach (var rule in _rules)
        {
            var sum = sums.GetValueOrDefault(rule.Name);
            var view = new RetentionView(rule.Name, rule.Policy, 0, null, 0, 0, null, sum is null ? null : Clock.FromMicroseconds(sum.LastAt), sum?.Year ?? 0);
            try
            {
                var look = await rule.LookAsync(await holds.OfAsync(connection, rule.Name, ct), ct);
                views.Add(view with { Kept = look.Kept, Oldest = look.Oldest, Due = look.Due, Held = look.Held, Remark = look.Remark });
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                views.Add(view with { Problem = e.Message });
            }
        }
        return new(views, await holds.ListAsync(ct), await DeletionsAsync(connection, ct));
    }

    private async Task<long> RunAsync(ScheduledRun run, IRetentionRule rule, CancellationToken ct)
    {
        long removed = 0;
        for (int piece = 0; piece < MaxPieces; piece++)
        {
            ct.ThrowIfCancellationRequested();
            RetentionHolds held;
            // Read anew for each piece: a hold that is placed meanwhile holds what is left.
            await using (var connection = await database.OpenAsync(ct)) held = await holds.OfAsync(connection, rule.Name, ct);
            long count = await rule.RemoveAsync(run.Term, held, PieceSize, (tx, p) => NoteAsync(tx, run.Id, rule.Name, p), ct);
            if (count == 0) break;
            removed += count;
        }
        return removed;
    }

    private Task NoteAsync(DbTransaction tx, string run, string rule, RetentionPiece piece) => tx.Connection!.ExecuteAsync(
        "INSERT INTO retention_deletions (id, run_id, rule, deleted_at, deleted, oldest_at, newest_at, why) VALUES (@id, @run, @rule, @now, @Count, @oldest, @newest, @Why)",
        new { id = Ids.New(time), run, rule, now = time.Microseconds(), piece.Count, oldest = Micro(piece.Oldest), newest = Micro(piece.Newest), piece.Why }, tx);

    private static async Task<IReadOnlyList<RetentionDeletion>> DeletionsAsync(DbConnection connection, CancellationToken ct)
    {
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            "SELECT run_id AS RunId, rule AS Rule, deleted_at AS DeletedAt, deleted AS Deleted, oldest_at AS OldestAt, newest_at AS NewestAt, why AS Why FROM retention_deletions ORDER BY deleted_at DESC, id DESC LIMIT @Listed", new { Listed }, cancellationToken: ct));
        return [.. rows.Select(r => new RetentionDeletion(r.RunId, r.Rule, Clock.FromMicroseconds(r.DeletedAt), r.Deleted, At(r.OldestAt), At(r.NewestAt), r.Why))];
    }

    private static long? Micro(DateTimeOffset? at) => at is { } instant ? Clock.ToMicroseconds(instant) : null;

    private static DateTimeOffset? At(long? microseconds) => microseconds is { } at ? Clock.FromMicroseconds(at) : null;

    private sealed class Sum
    {
        public required string Rule { get; init; }
        public long LastAt { get; init; }
        public long Year { get; init; }
    }

    private sealed class Row
    {
        public required string RunId { get; init; }
        public required string Rule { get; init; }
        public long DeletedAt { get; init; }
        public long Deleted { get; init; }
        public long? OldestAt { get; init; }
        public long? NewestAt { get; init; }
        public required string Why { get; init; }
    }
}
