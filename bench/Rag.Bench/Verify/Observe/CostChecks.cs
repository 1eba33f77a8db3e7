using System.Diagnostics;
using System.Globalization;
using Rag.Bench.Verify.Production;

namespace Rag.Bench.Verify.Observe;

/// <summary>What measuring costs.</summary>
internal static class CostChecks
{
    private const int Collections = 1_000, QuickCollections = 100;
    private const int Scrapes = 50;

    public static IEnumerable<Check> All()
    {
        yield return new("cost", "requests/s of a cached answer with telemetry on and scraped, against off", Relation.AtLeast, 0.9, async (context, ct) =>
        {
            var result = await CachedBench.RunTelemetryAsync(context.Quick, ct);
            string note = $"{result.Ours} against {result.Baseline} {result.Unit}; {result.Rounds} rounds from {result.RatioLow} to {result.RatioHigh}";
            return new(result.Ratio!.Value, context.Quick ? note + "; smaller: fewer and shorter rounds" : note);
        });
        // One server for both figures.
        Task<(double Ms, int Series, string Note)>? scraped = null;
        yield return new("scrape", "milliseconds of a scrape, 95th percentile, with 1,000 collections", Relation.AtMost, 50, async (context, ct) =>
        {
            var (ms, _, note) = await (scraped ??= ScrapeAsync(context.Quick, ct));
            return new(ms, note);
        });
        yield return new("series", "series of a replica with 1,000 collections", Relation.AtMost, 2_000, async (context, ct) =>
        {
            var (_, series, note) = await (scraped ??= ScrapeAsync(context.Quick, ct));
            return new(series, note);
        });
    }

    private static async Task<(double Ms, int Series, string Note)> ScrapeAsync(bool quick, CancellationToken ct)
    {
        int collections = quick ? QuickCollections : Collections;
        string folder = Directory.CreateTempSubdirectory("rag-scrape-").FullName;
        try
        {
            await using var server = ServerProcess.StartRag(Path.Combine(folder, "data"));
            await server.WaitReadyAsync(ct);
            long position = 0;
            for (int n = 0; n < collections; n++)
                position = (await ProductionCluster.PostAsync(server.Http, $"/v1/collections/c{n}/documents", new { uri = "a.txt", text = $"Shelf {n} holds the records of the year {1000 + n}." }, ct)).GetProperty("position").GetInt64();
            await ProductionCluster.Until(async () => await ProductionCluster.PositionAsync(server.Http, ct) >= position, "not every collection can be asked", ct);
            for (int n = 0; n < collections; n++)
            {
                // What is asked of a collection, and of one that is not there, must leave no series of its own.
                await ProductionCluster.PostAsync(server.Http, "/v1/ask", new { question = $"What does shelf {n} hold?", collection = $"c{n}" }, ct);
                using var absent = await server.Http.GetAsync($"/v1/collections/absent{n}/documents/{n}", ct);
                using var nowhere = await server.Http.GetAsync($"/nowhere/{n}", ct);
            }
            var times = new List<double>();
            string text = "";
            for (int n = 0; n < Scrapes; n++)
            {
                long started = Stopwatch.GetTimestamp();
                text = await server.Http.GetStringAsync("/metrics", ct);
                times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
            int series = text.Split('\n').Count(l => l.Length > 0 && l[0] != '#');
            double p95 = BenchResult.Round(Evaluation.RankingScores.Percentile(times, 0.95));
            string note = string.Create(CultureInfo.InvariantCulture, $"{series} series, {Scrapes} scrapes, median {BenchResult.Median(times):F1} ms, slowest {times.Max():F1} ms; {collections} collections with a document each, all asked");
            return (p95, series, quick ? $"{note}; smaller: {QuickCollections} collections of {Collections}" : note);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
