using Dapper;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Storage;
using Rag.Telemetry;

namespace Rag.Slo;

/// <summary>Reads what <see cref="DeployJudge"/> judges: the counts and the use of all replicas in the record, before and since.</summary>
internal sealed class DeployComparer(Database database, SloRecorder recorder, Replicas replicas, Dependencies dependencies, ChangeLogWatch changeLog, IIndexer indexer, TimeProvider time)
{
    public static readonly TimeSpan MinBefore = TimeSpan.FromMinutes(1), MaxBefore = TimeSpan.FromDays(7);

    private static readonly IReadOnlyDictionary<string, string> AlertOf = new Dictionary<string, string> { ["database"] = "DatabaseDown", ["redis"] = "RedisDown", ["embeddings"] = "EmbeddingsDown", ["language_model"] = "LanguageModelDown" };

    public async Task<DeployBaseline> BaselineAsync(TimeSpan before, CancellationToken ct)
    {
        await recorder.FlushAsync(ct);
        var now = time.GetUtcNow();
        long minute = SloRecorder.Minute(now);
        var use = (await replicas.UseSinceAsync(now - before, ct)).Where(u => u.Minute < minute).ToList();
        var up = (await replicas.ListAsync(ct)).Where(r => r.Up).ToList();
        return new(
            now, before.TotalSeconds, await CountAsync(SloRecorder.Minute(now - before), minute, ct), await CountAsync(minute - 1, minute, ct),
            use.Count == 0 ? null : use.Average(u => u.CpuShare), use.Count == 0 ? null : use.Max(u => u.MemoryShare), up.Count, Versions(up), Alerts(Lag(up)));
    }

    /// <exception cref="RagException">Invalid: the baseline is not one that <see cref="BaselineAsync"/> gave.</exception>
    public async Task<DeployFacts> SinceAsync(DeployBaseline baseline, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        if (baseline.At > now + TimeSpan.FromMinutes(1) || baseline.At < now - MaxBefore) throw new RagException(ErrorKind.Invalid, $"The time {baseline.At:O} is not one that a deployment is watched from.", "Begin again: 'rag deploy watch'.");
        await recorder.FlushAsync(ct);
        long minute = SloRecorder.Minute(now), first = SloRecorder.Minute(baseline.At);
        var counts = await CountAsync(first - 1, minute, ct);
        // Never below zero, though a replica may count what it served a few seconds ago into a minute that is over.
        var events = counts.ToDictionary(c => c.Key, c => baseline.EventsOfThisMinute.TryGetValue(c.Key, out var had) ? Less(c.Value, had) : c.Value);
        var use = (await replicas.UseSinceAsync(baseline.At, ct)).Where(u => u.Minute > first && u.Minute < minute).TakeLast(DeployLimits.UseMinutes).ToList();
        var all = await replicas.ListAsync(ct);
        var up = all.Where(r => r.Up).ToList();
        double lag = Lag(up);
        return new(now, events, use.Count == 0 ? null : use.Average(u => u.CpuShare), use.Count == 0 ? null : use.Max(u => u.MemoryShare), up.Count, Versions(up), lag, Alerts(lag));
    }

    private double Lag(IEnumerable<ReplicaInfo> up) => changeLog.LagSeconds(up.Select(r => r.IndexPosition).Append(indexer.Position).Min());

    private List<string> Alerts(double lagSeconds)
    {
        var alerts = dependencies.List().Where(d => !d.Up).Select(d => AlertOf.GetValueOrDefault(d.Name, d.Name)).ToList();
        if (lagSeconds > DeployLimits.IndexLagSeconds) alerts.Add("IndexLag");
        return alerts;
    }

    private static EventCount Less(EventCount all, EventCount had)
    {
        long total = Math.Max(0, all.Total - had.Total);
        return new(Math.Clamp(all.Good - had.Good, 0, total), total);
    }

    private static List<string> Versions(IEnumerable<ReplicaInfo> up) => [.. up.Select(r => r.Version).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>By objective, of the minutes after one and up to another.</summary>
    private async Task<Dictionary<string, EventCount>> CountAsync(long after, long last, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<(string Objective, long Good, long Total)>(new CommandDefinition(
            "SELECT objective, CAST(SUM(good) AS BIGINT), CAST(SUM(total) AS BIGINT) FROM slo_minutes WHERE minute > @after AND minute <= @last GROUP BY objective", new { after, last }, cancellationToken: ct));
        var counts = rows.ToDictionary(r => r.Objective, r => new EventCount(r.Good, r.Total));
        return Objectives.All.ToDictionary(o => o.Name, o => counts.GetValueOrDefault(o.Name) ?? new(0, 0));
    }
}
