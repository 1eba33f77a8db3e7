using Dapper;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Security;

/// <summary>Events in the record: what one caller did of one pattern within a minute is one, with its count.</summary>
internal sealed class SecurityRecord(Database database, SecurityOptions options, TimeProvider time)
{
    public const int MaxList = 500;

    private const int MaxCallers = 200, ScoreHalfLives = 10;

    /// <summary>Adds what came since the last time to the events that are open.</summary>
    public Task AddAsync(IReadOnlyList<SecurityEvent> events, CancellationToken ct) => events.Count == 0 ? Task.CompletedTask : database.WriteAsync(async tx =>
    {
        foreach (var e in events)
        {
            await tx.Connection!.ExecuteAsync(
                """
                INSERT INTO security_events (id, first_at, last_at, pattern, caller, name, address, count, score, place, excerpt, trace)
                VALUES (@Id, @first, @last, @Pattern, @Caller, @Name, @Address, @Count, @Score, @Place, @Excerpt, @Trace)
                ON CONFLICT (id) DO UPDATE SET last_at = @last, count = security_events.count + @Count, score = security_events.score + @Score
                """,
                new { e.Id, first = Clock.ToMicroseconds(e.FirstAt), last = Clock.ToMicroseconds(e.LastAt), e.Pattern, e.Caller, e.Name, e.Address, e.Count, e.Score, e.Place, e.Excerpt, e.Trace }, tx);
        }
    }, ct);

    /// <summary>The newest events first.</summary>
    /// <exception cref="RagException">Invalid: no such pattern, or the limit is out of bounds.</exception>
    public async Task<SecurityEvents> ListAsync(string? pattern, string? caller, int limit, CancellationToken ct)
    {
        if (limit is < 1 or > MaxList) throw new RagException(ErrorKind.Invalid, $"limit is {limit}.", $"Choose 1 to {MaxList}.");
        if (pattern is not null && !Access.SecurityPattern.All.Contains(pattern)) throw new RagException(ErrorKind.Invalid, $"'{pattern}' is not a pattern.", $"Use one of {string.Join(", ", Access.SecurityPattern.All)}.");
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            $"{Select} WHERE (@pattern IS NULL OR pattern = @pattern) AND (@caller IS NULL OR caller = @caller) ORDER BY last_at DESC, id DESC LIMIT @limit", new { pattern, caller, limit }, cancellationToken: ct));
        return new([.. rows.Select(Event)]);
    }

    /// <summary>Events of a time by pattern, the most frequent first; those that are older than they are kept are gone.</summary>
    public async Task<IReadOnlyList<PatternCount>> CountAsync(DateTimeOffset from, DateTimeOffset to, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<(string Pattern, long Events, long Callers, long First, long Last)>(new CommandDefinition(
            """
            SELECT pattern, CAST(SUM(count) AS BIGINT), COUNT(DISTINCT caller), MIN(first_at), MAX(last_at) FROM security_events
            WHERE last_at >= @from AND first_at < @to GROUP BY pattern ORDER BY 2 DESC, pattern
            """, new { from = Clock.ToMicroseconds(from), to = Clock.ToMicroseconds(to) }, cancellationToken: ct));
        return [.. rows.Select(r => new PatternCount(r.Pattern, r.Events, r.Callers, Clock.FromMicroseconds(r.First), Clock.FromMicroseconds(r.Last)))];
    }

    /// <summary>Callers by what they have done lately, the heaviest first; the same at every replica.</summary>
    public async Task<CallerScores> CallersAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var halfLife = TimeSpan.FromMinutes(options.HalfLifeMinutes);
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition($"{Select} WHERE last_at > @since", new { since = Clock.ToMicroseconds(now - ScoreHalfLives * halfLife) }, cancellationToken: ct));
        return new(options.HalfLifeMinutes, options.Respond, [.. rows.Select(Event).GroupBy(e => e.Caller).Select(group =>
        {
            var last = group.MaxBy(e => e.LastAt)!;
            var weights = group.GroupBy(e => e.Pattern).Select(p => (Pattern: p.Key, Weight: p.Sum(e => e.Score * Decay.Factor(now - e.LastAt, halfLife)))).OrderByDescending(p => p.Weight).ToList();
            return new CallerScore(group.Key, last.Name, last.Address, Math.Round(weights.Sum(w => w.Weight), 1), last.LastAt, [.. weights.Select(w => w.Pattern)]);
        }).Where(c => c.Score > 0).OrderByDescending(c => c.Score).Take(MaxCallers)]);
    }

    /// <summary>Takes out what is older than it is kept; events are retention's.</summary>
    public Task<int> ExpireAsync(LeaderTerm term, CancellationToken ct) => term.WriteAsync(async tx =>
    {
        long before = Clock.ToMicroseconds(time.GetUtcNow().AddDays(-options.KeepDays));
        return await tx.Connection!.ExecuteAsync("DELETE FROM access_profiles WHERE updated_at < @before", new { before }, tx)
            // The newest scan stays, however old: it is what is known.
            + await tx.Connection!.ExecuteAsync("DELETE FROM security_scans WHERE at < @before AND id <> (SELECT MAX(id) FROM security_scans)", new { before }, tx);
    }, ct);

    private const string Select =
        "SELECT id AS Id, first_at AS FirstAt, last_at AS LastAt, pattern AS Pattern, caller AS Caller, name AS Name, address AS Address, count AS Count, score AS Score, place AS Place, excerpt AS Excerpt, trace AS Trace FROM security_events";

    private sealed record Row(string Id, long FirstAt, long LastAt, string Pattern, string Caller, string Name, string? Address, long Count, double Score, string Place, string Excerpt, string Trace);

    private static SecurityEvent Event(Row r) =>
        new(r.Id, Clock.FromMicroseconds(r.FirstAt), Clock.FromMicroseconds(r.LastAt), r.Pattern, r.Caller, r.Name, r.Address, r.Count, Math.Round(r.Score, 1), r.Place, r.Excerpt, r.Trace);
}

internal sealed record PatternCount(string Pattern, long Events, long Callers, DateTimeOffset First, DateTimeOffset Last);

/// <summary>What time takes off.</summary>
internal static class Decay
{
    public static double Factor(TimeSpan age, TimeSpan halfLife) => age <= TimeSpan.Zero ? 1 : Math.Pow(0.5, age / halfLife);
}
