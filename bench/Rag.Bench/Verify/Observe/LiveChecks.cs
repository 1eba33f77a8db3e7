using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Rag.Bench.Verify.Production;
using Rag.Evaluation;
using Rag.Slo;
using Rag.Slo.Export;
using Rag.Slo.Export.Dashboards;

namespace Rag.Bench.Verify.Observe;

/// <summary>Prometheus and Alertmanager of <c>deploy/local</c>, with the rules that ship, while people ask, search and write.</summary>
internal static partial class LiveChecks
{
    private const int Askers = 4;
    private const double PerSecond = 40;
    private static readonly TimeSpan Load = TimeSpan.FromMinutes(5), QuickLoad = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookLimit = TimeSpan.FromSeconds(30), CompareLimit = TimeSpan.FromSeconds(30);

    /// <summary>Metrics of which rules ship already; the slices that have them come later.</summary>
    private static readonly string[] NotYet = ["rag_certificate_expiry_timestamp_seconds"];

    /// <summary>What was seen while the load ran, and after it.</summary>
    private sealed record LiveRun(Measured Queries, Measured Agreement);

    public static IEnumerable<Check> All()
    {
        // One after the other on the same servers: the second looks at what the first has asked.
        Task<LiveRun>? run = null;
        yield return new("queries", "queries of dashboards and rules that do not parse or have no data, on deploy/local under load", Relation.AtMost, 0,
            async (context, ct) => (await (run ??= MakeAsync(context, ct))).Queries);
        yield return new("agreement", "the largest difference between rag slo and Prometheus in an objective's events or share, of the same traffic", Relation.AtMost, 0.01,
            async (context, ct) => (await (run ??= MakeAsync(context, ct))).Agreement);
    }

    private static async Task<LiveRun> MakeAsync(CheckContext context, CancellationToken ct)
    {
        var cluster = await context.ObservedAsync(ct);
        using var prometheus = new PrometheusApi(cluster.Servers.Prometheus);
        var length = context.Quick ? QuickLoad : Load;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        long started = Stopwatch.GetTimestamp();
        var other = Task.WhenAll(cluster.IngestEverySecondAsync(stop.Token), OtherRequestsAsync(cluster, stop.Token));
        await using var load = QuestionLoad.Start([cluster.Servers.Balancer], cluster.ZipfBodies(5), Askers, PerSecond, ct);
        await Task.Delay(length, ct);
        // Rates need two looks of Prometheus, and what is recorded of them one more.
        var queries = await LookAsync(prometheus, ct);
        while (queries.Figure > 0 && Stopwatch.GetElapsedTime(started) < length + LookLimit)
        {
            await Task.Delay(1_000, ct);
            queries = await LookAsync(prometheus, ct);
        }
        var result = await load.StopAsync();
        await stop.CancelAsync();
        await other;
        var agreement = await CompareAsync(cluster, prometheus, ct);
        string smaller = context.Quick ? $"; smaller: {length.TotalSeconds:F0} s of {Load.TotalSeconds:F0} s, one replica of three" : "";
        return new(queries with { Note = queries.Note + smaller }, agreement with { Note = $"{result.Count} questions and others, {result.Failed} refused; {agreement.Note}{smaller}" });
    }

    /// <summary>What else a server is asked: searches, questions that are new, mistakes, what is meant to harm.</summary>
    private static async Task OtherRequestsAsync(ProductionCluster cluster, CancellationToken stop)
    {
        var uncached = cluster.UncachedBodies();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(250));
        try
        {
            for (long n = 0; await timer.WaitForNextTickAsync(stop); n++)
            {
                using var search = await cluster.Balancer.PostAsJsonAsync("/v1/search", new { query = cluster.Text.Questions[(int)(n % cluster.Text.Questions.Count)] }, stop);
                // Several at once, of which some find no room.
                await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
                {
                    using var content = new ByteArrayContent(uncached(n));
                    content.Headers.ContentType = new("application/json");
                    using var answer = await cluster.Balancer.PostAsync("/v1/ask", content, stop);
                }));
                // A stream, whose first word is timed.
                await ProductionCluster.StreamAsync(cluster.Replicas[0], cluster.Text.Questions[(int)(n % 20)], stop);
                using var missing = await cluster.Balancer.GetAsync("/v1/collections/absent", stop);
                using var foreign = new HttpRequestMessage(HttpMethod.Get, "/v1/collections") { Headers = { Host = "elsewhere.example" } };
                using var refused = await cluster.Replicas[0].SendAsync(foreign, stop);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static async Task<Measured> LookAsync(PrometheusApi prometheus, CancellationToken ct)
    {
        var wrong = new List<string>();
        int count = 0;
        foreach (var query in DashboardExport.Queries(await DescriptionsAsync(ct)))
        {
            count++;
            if (await ProblemAsync(prometheus, query.Expr, ct) is { } problem) wrong.Add($"{query.Dashboard}/{query.Panel}: {problem}: {query.Expr}");
        }
        var rules = await prometheus.RulesAsync(ct);
        if (rules.Count == 0) wrong.Add("no rules are loaded");
        foreach (var rule in rules)
        {
            count++;
            if (rule.Error is { } error) wrong.Add($"{rule.Name}: {error}");
            else if (rule.Kind == "recording")
            {
                if (await ProblemAsync(prometheus, rule.Name, ct) is { } problem) wrong.Add($"{rule.Name}: {problem}");
            }
            // An alert has no result while all is well; what it looks at must be there.
            else
                foreach (string selector in PromQl.Selectors(rule.Query).Where(s => !NotYet.Any(s.StartsWith)))
                    if (await ProblemAsync(prometheus, $"count({selector})", ct) is { } problem) wrong.Add($"{rule.Name}: {problem}: {selector}");
        }
        foreach (string metric in NotYet)
            if ((await prometheus.QueryAsync(metric, ct)).Count > 0) wrong.Add($"{metric} is there now, and must be asked for");
        string note = $"{count} queries; not in this release, and left out: {string.Join(", ", NotYet)}";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join(" | ", wrong)}");
    }

    /// <summary>What the instruments say of themselves, from a store that is made for it.</summary>
    private static async Task<IReadOnlyDictionary<string, string>> DescriptionsAsync(CancellationToken ct)
    {
        await using var store = await ScratchStore.StartNewAsync(Settings.NoModel, ct);
        return Instruments.Describe(store.Get<IServiceProvider>());
    }

    private static async Task<string?> ProblemAsync(PrometheusApi prometheus, string query, CancellationToken ct)
    {
        try
        {
            var samples = await prometheus.QueryAsync(query, ct);
            return samples.Count == 0 ? "no data" : samples.All(s => double.IsNaN(s.Value)) ? "nothing but NaN" : null;
        }
        catch (InvalidOperationException e)
        {
            return e.Message;
        }
    }

    /// <summary>
    /// Events as they stand in Prometheus, and shares as the rules compute them, against those of <c>rag slo</c>. The product
    /// writes what it has counted every few seconds and Prometheus looks as often: they are compared until they agree or time is up.
    /// </summary>
    private static async Task<Measured> CompareAsync(ProductionCluster cluster, PrometheusApi prometheus, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            var (worst, note) = await DifferenceAsync(cluster, prometheus, ct);
            if (worst <= 0.001 || Stopwatch.GetElapsedTime(started) > CompareLimit) return new(Math.Round(worst, 5), note);
            await Task.Delay(1_000, ct);
        }
    }

    /// <summary>Longer than the servers run.</summary>
    private const string Window = "1h";

    private static async Task<(double Worst, string Note)> DifferenceAsync(ProductionCluster cluster, PrometheusApi prometheus, CancellationToken ct)
    {
        var status = (await cluster.Balancer.GetFromJsonAsync("/admin/v1/slo", SloJson.Default.SloStatus, ct))!;
        var notes = new List<string>();
        double worst = 0;
        foreach (var objective in Objectives.All)
        {
            var own = status.Objectives.Single(o => o.Name == objective.Name);
            // No replica has restarted: what counters stand at is what was counted.
            double total = await prometheus.ValueAsync(Increase().Replace(objective.TotalOver(Window), "($1)"), ct) ?? 0, good = await prometheus.ValueAsync(Increase().Replace(objective.GoodOver(Window), "($1)"), ct) ?? 0;
            if (own.Total == 0 || total == 0) throw new CannotMeasureException($"{objective.Name}: no events, {own.Total} and {total}");
            var differences = new List<double> { Math.Abs(total - own.Total) / own.Total, Math.Abs(good / total - own.Good / (double)own.Total) };
            string note = string.Create(CultureInfo.InvariantCulture, $"{objective.Name} {own.Total} events against {total:F0}, {own.Good / (double)own.Total:P3} against {good / total:P3}");
            if (!cluster.Quick)
            {
                // As the rules compute it, from increases, which are drawn out to the ends of their window: of seconds, they say nothing.
                double share = await prometheus.ValueAsync($"({objective.GoodOver(Window)}) / ({objective.TotalOver(Window)})", ct) ?? double.NaN;
                differences.Add(Math.Abs(share - own.Good / (double)own.Total));
                note += string.Create(CultureInfo.InvariantCulture, $" ({share:P3} by increases)");
            }
            worst = Math.Max(worst, differences.Max());
            notes.Add(note);
        }
        return (worst, string.Join("; ", notes));
    }

    [GeneratedRegex(@"increase\((\w+(?:\{[^}]*\})?)\[1h\]\)")]
    private static partial Regex Increase();
}
