using System.Text.Json;

namespace Rag.Bench.Verify.Production;

/// <summary>Questions as people ask them, few often and most seldom, while documents go on coming in.</summary>
internal static class CacheChecks
{
    private const int Asked = 100_000, QuickAsked = 3_000;
    private const int Compared = 1_000, QuickCompared = 100;
    private const int Askers = 8;
    private const int MaxAttempts = 50;

    /// <summary>Below what two cores can do, so that what is measured is the cache and not a queue before it.</summary>
    private const double PerSecond = 250, QuickPerSecond = 500;

    public static IEnumerable<Check> All()
    {
        yield return new("zipf-hit-rate", "share of Zipf-distributed questions over three replicas whose answer came from the question or the evidence layer, a document arriving every second",
            Relation.AtLeast, 0.85, HitRateAsync);
        yield return new("zipf-same-answer", "answers that differ from what an empty cache gives at the same position, under the same load", Relation.AtMost, 0, SameAnswerAsync);
    }

    private static async Task<Measured> HitRateAsync(CheckContext context, CancellationToken ct)
    {
        var cluster = await context.ProductionAsync(ct);
        await cluster.MendAsync(ct);
        // Nothing of an earlier check may help.
        foreach (string part in (string[])["redis", "replica-1", "replica-2", "replica-3"]) await cluster.Servers.KillAsync(part, ct);
        await cluster.MendAsync(ct);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var ingest = cluster.IngestEverySecondAsync(stop.Token);
        int count = context.Quick ? QuickAsked : Asked;
        await using var load = QuestionLoad.Start([cluster.Servers.Balancer], cluster.ZipfBodies(1), Askers, context.Quick ? QuickPerSecond : PerSecond, ct, count);
        var result = await load.EndAsync();
        await stop.CancelAsync();
        int documents = await ingest;
        if (result.Failed > 0) throw new CannotMeasureException($"{result.Failed} of {result.Count} questions failed; {result.FailureText}");
        if (documents == 0) throw new CannotMeasureException("no document was taken in meanwhile");
        var reads = (await Task.WhenAll(cluster.Replicas.Select(r => ProductionCluster.SeriesAsync(r, "rag_cache_redis_reads_total", ct)))).SelectMany(s => s)
            .GroupBy(s => s.Key, s => s.Value).Select(g => $"{g.Key} {g.Sum():F0}");
        string note = $"a question is a hit where its answer came from the question layer ({result.QuestionHits}) or the evidence layer ({result.EvidenceHits}), in process or in Redis; " +
            $"{result.Count} asked of {cluster.Text.Questions.Count} distinct, {result.Count / result.Seconds:F0}/s, caches empty at the start, {documents} documents in meanwhile, p95 {result.P95():F1} ms; look-ups in Redis: {string.Join(", ", reads)}";
        if (context.Quick) note += $"; smaller: {count} of {Asked} questions";
        return new(Math.Round((double)(result.QuestionHits + result.EvidenceHits) / result.Count, 4), note);
    }

    private static async Task<Measured> SameAnswerAsync(CheckContext context, CancellationToken ct)
    {
        var cluster = await context.ProductionAsync(ct);
        await cluster.MendAsync(ct);
        int count = context.Quick ? QuickCompared : Compared;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var ingest = cluster.IngestEverySecondAsync(stop.Token);
        await using var load = QuestionLoad.Start([cluster.Servers.Balancer], cluster.ZipfBodies(2), 2, context.Quick ? 200 : 100, ct);
        var zipf = new Zipf(cluster.Text.Questions.Count);
        var random = new Random(3);
        // As many different questions as the sample is large, the frequent ones among them.
        var sample = new HashSet<int>();
        while (sample.Count < Math.Min(count, cluster.Text.Questions.Count)) sample.Add(zipf.Next(random));
        var wrong = new List<string>();
        int layered = 0, repeated = 0;
        foreach (int number in sample)
        {
            string question = cluster.Text.Questions[number];
            var replica = cluster.Replicas[number % cluster.Replicas.Count];
            for (int attempt = 1; ; attempt++)
            {
                // The first asking fills the cache where nobody asked before; the second is what is compared.
                await ProductionCluster.PostAsync(replica, "/v1/ask", new { question }, ct);
                var cached = await ProductionCluster.PostAsync(replica, "/v1/ask", new { question }, ct);
                var fresh = await ProductionCluster.PostAsync(replica, "/v1/ask", new { question, options = new { no_cache = true } }, ct);
                if (cached.GetProperty("index_position").GetInt64() != fresh.GetProperty("index_position").GetInt64() && attempt < MaxAttempts)
                {
                    repeated++;
                    continue;
                }
                if (cached.TryGetProperty("cache_layer", out _)) layered++;
                if (Difference(cached, fresh) is { } difference) wrong.Add($"{question} {difference}");
                break;
            }
        }
        await stop.CancelAsync();
        int documents = await ingest;
        var result = await load.StopAsync();
        if (result.Failed > 0) throw new CannotMeasureException($"{result.Failed} of {result.Count} questions failed; {result.FailureText}");
        if (layered == 0) throw new CannotMeasureException("no answer came from the cache, so that nothing was compared");
        string note = $"{sample.Count} questions compared by sentences and sources with an answer made without any cache at the same position, {layered} of them from the cache; " +
            $"{repeated} asked again because the position had moved; {documents} documents in meanwhile";
        if (context.Quick) note += $"; smaller: {sample.Count} of {Compared} questions";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join(" | ", wrong.Take(5))}");
    }

    /// <summary>How two answers differ in outcome, sentences or sources; null where they do not.</summary>
    public static string? Difference(JsonElement one, JsonElement other)
    {
        foreach (string part in (string[])["outcome", "answer", "sentences", "sources"])
        {
            var (a, b) = (one.GetProperty(part), other.GetProperty(part));
            if (!JsonElement.DeepEquals(a, b)) return $"differs in {part}: {Short(a)} and {Short(b)}";
        }
        return null;

        static string Short(JsonElement element) => element.ToString() is var text && text.Length > 120 ? text[..120] + "…" : text;
    }
}
