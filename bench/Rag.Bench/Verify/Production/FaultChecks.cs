using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Rag.Testing;
using StackExchange.Redis;

namespace Rag.Bench.Verify.Production;

/// <summary>The record or the second cache level is killed, emptied, filled with rubbish or slowed, under load.</summary>
internal static class FaultChecks
{
    private const int Askers = 8;
    /// <summary>Little enough that no queue forms: what is measured is the fault, not the load.</summary>
    private const double PerSecond = 100;
    private const int Corrupted = 10_000;
    private const double MaxWorseMs = 60;
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(60), QuickOutage = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Phase = TimeSpan.FromSeconds(30), QuickPhase = TimeSpan.FromSeconds(1.2);
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(2);

    public static IEnumerable<Check> All()
    {
        yield return new("postgres-killed", "failed questions, writes refused otherwise than by 503 with Retry-After, and documents lost or half-done, PostgreSQL killed for 60 s under load",
            Relation.AtMost, 0, PostgresKilledAsync);
        yield return Redis("redis-killed", "killed", (cluster, ct) => cluster.Servers.KillAsync("redis", ct));
        yield return Redis("redis-wiped", "wiped by FLUSHALL", (cluster, ct) => CommandAsync(cluster, async (database, _) => $"{await database.ExecuteAsync("FLUSHALL")}", ct));
        yield return Redis("redis-corrupted", "given 10,000 random values under existing keys", (cluster, ct) => CommandAsync(cluster, CorruptAsync, ct));
        yield return Redis("redis-slow", "slowed by 2 s", (cluster, _) =>
        {
            cluster.Servers.RedisProxy!.Latency = Slow;
            return Task.CompletedTask;
        });
    }

    private static async Task<Measured> PostgresKilledAsync(CheckContext context, CancellationToken ct)
    {
        var cluster = await context.ProductionAsync(ct);
        await cluster.MendAsync(ct);
        var outage = context.Quick ? QuickOutage : Outage;
        await using var load = QuestionLoad.Start([cluster.Servers.Balancer], cluster.ZipfBodies(11), Askers, PerSecond, ct);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var writer = new Writer(cluster.Balancer, $"outage-{Stopwatch.GetTimestamp()}");
        var writing = writer.RunAsync(stop.Token);
        await ProductionCluster.Until(() => Task.FromResult(writer.Acknowledged.Count > 0), "no write was taken in before anything was broken", ct);
        await Task.Delay(TimeSpan.FromSeconds(1), ct);
        int before = writer.Acknowledged.Count;
        long killed = Stopwatch.GetTimestamp();
        await cluster.Servers.KillAsync("postgres", ct);
        await Task.Delay(outage, ct);
        int refused = writer.Refused;
        await cluster.Servers.StartAsync("postgres", ct);
        long back = Stopwatch.GetTimestamp();
        int then = writer.Acknowledged.Count;
        await ProductionCluster.Until(() => Task.FromResult(writer.Acknowledged.Count > then), "no write was taken in again", ct);
        double writesAgain = Stopwatch.GetElapsedTime(back).TotalSeconds;
        await Task.Delay(TimeSpan.FromSeconds(1), ct);
        await stop.CancelAsync();
        await writing;
        // Every replica reaches what was acknowledged last, by itself.
        double[] reached = await Task.WhenAll(cluster.Replicas.Select(async replica =>
        {
            await ProductionCluster.Until(async () => await ProductionCluster.PositionAsync(replica, ct) >= writer.LastPosition, "a replica has not reached the last write", ct);
            return Stopwatch.GetElapsedTime(back).TotalSeconds;
        }));
        var result = await load.StopAsync();
        var wrong = new List<string>(writer.Wrong);
        wrong.AddRange(await writer.LookAsync(cluster, ct));
        if (before == 0 || refused == 0) throw new CannotMeasureException($"{before} writes before and {refused} refused meanwhile, so that nothing was tested");
        string note = $"{outage.TotalSeconds:F0} s; {result.Count} questions, {result.Failed} failed, p95 {result.P95(0, killed):F1} ms before and {result.P95(killed, back):F1} ms meanwhile; " +
            $"{writer.Acknowledged.Count} writes acknowledged, {refused} refused with 503 and Retry-After; writes again {writesAgain:F1} s after PostgreSQL answered, every replica up to date after {reached.Max():F1} s, none restarted";
        if (result.Failed > 0) note += $"; {result.FailureText}; {cluster.Servers.Unexpected()}";
        if (context.Quick) note += $"; smaller: {QuickOutage.TotalSeconds:F0} s of {Outage.TotalSeconds:F0} s";
        return new(result.Failed + wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join(" | ", wrong.Take(10))}");
    }

    private static Check Redis(string name, string what, Func<ProductionCluster, CancellationToken, Task> fault) =>
        new(name, $"milliseconds by which the 95th percentile of asking is worse with Redis {what}, no question failing", Relation.AtMost, MaxWorseMs, async (context, ct) =>
        {
            var cluster = await context.ProductionAsync(ct);
            await cluster.MendAsync(ct);
            var phase = context.Quick ? QuickPhase : Phase;
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
            // Each change of position empties the question layer, so that Redis goes on being asked.
            var ingest = cluster.IngestEverySecondAsync(stop.Token);
            await using var load = QuestionLoad.Start([cluster.Servers.Balancer], cluster.ZipfBodies(name.GetHashCode(StringComparison.Ordinal)), Askers, PerSecond, ct);
            // The start warms up, and is in neither figure.
            await Task.Delay(TimeSpan.FromSeconds(context.Quick ? 0.4 : 5), ct);
            long from = Stopwatch.GetTimestamp();
            await Task.Delay(phase, ct);
            long at = Stopwatch.GetTimestamp();
            await fault(cluster, ct);
            // Writing 10,000 values takes the machine a moment, which is not the product's; its questions count as asked all the same.
            if (name == "redis-corrupted") await Task.Delay(300, ct);
            long done = Stopwatch.GetTimestamp();
            await Task.Delay(phase, ct);
            long to = Stopwatch.GetTimestamp();
            await stop.CancelAsync();
            int documents = await ingest;
            var result = await load.StopAsync();
            // What the cache gave must still be right.
            var wrong = await WrongAsync(cluster, context.Quick ? 10 : 100, ct);
            double corrupt = (await Task.WhenAll(cluster.Replicas.Select(r => ProductionCluster.MetricAsync(r, "rag_cache_corrupt_total", ct)))).Sum() ?? 0;
            await cluster.MendAsync(ct);
            if (result.Failed > 0) throw new CannotMeasureException($"{result.Failed} of {result.Count} questions failed; {result.FailureText}");
            if (wrong.Count > 0) throw new CannotMeasureException($"{wrong.Count} answers differ from what an empty cache gives: {string.Join(" | ", wrong.Take(3))}");
            string note = $"p95 {result.P95(from, at):F1} ms before, {result.P95(done, to):F1} ms meanwhile; {result.CountOf(from, at)} and {result.CountOf(done, to)} questions at {PerSecond:F0}/s, none failed; {documents} documents in meanwhile; {corrupt:F0} values found corrupt by now";
            if (context.Quick) note += $"; smaller: {phase.TotalSeconds:F1} s of {Phase.TotalSeconds:F0} s each";
            return new(Math.Round(result.P95(done, to) - result.P95(from, at), 2), note);
        });

    private static async Task<List<string>> WrongAsync(ProductionCluster cluster, int count, CancellationToken ct)
    {
        var wrong = new List<string>();
        for (int i = 0; i < count; i++)
        {
            string question = cluster.Text.Questions[i];
            var replica = cluster.Replicas[i % cluster.Replicas.Count];
            var cached = await ProductionCluster.PostAsync(replica, "/v1/ask", new { question }, ct);
            var fresh = await ProductionCluster.PostAsync(replica, "/v1/ask", new { question, options = new { no_cache = true } }, ct);
            if (cached.GetProperty("index_position").GetInt64() == fresh.GetProperty("index_position").GetInt64() && CacheChecks.Difference(cached, fresh) is { } difference) wrong.Add($"{question} {difference}");
        }
        return wrong;
    }

    private static async Task CommandAsync(ProductionCluster cluster, Func<IDatabase, IServer, Task<string>> command, CancellationToken ct)
    {
        var options = new ConfigurationOptions { Password = cluster.Servers.RedisPassword, AllowAdmin = true, ConnectTimeout = 2_000 };
        options.EndPoints.Add(IPAddress.Loopback, cluster.Servers.RedisPort);
        await using var redis = await ConnectionMultiplexer.ConnectAsync(options);
        await command(redis.GetDatabase(), redis.GetServers().Single()).WaitAsync(ct);
    }

    /// <summary>Random bytes under keys that are there, of whatever type their values are; keys are taken again until the number is reached.</summary>
    private static async Task<string> CorruptAsync(IDatabase database, IServer server)
    {
        var random = new Random();
        int done = 0;
        while (done < Corrupted)
        {
            var writes = new List<Task>();
            foreach (var key in server.Keys(pageSize: 1_000))
            {
                if (done + writes.Count >= Corrupted) break;
                byte[] rubbish = new byte[random.Next(0, 2_000)];
                random.NextBytes(rubbish);
                writes.Add(WriteAsync(key, rubbish));
            }
            if (writes.Count == 0) throw new CannotMeasureException("Redis holds no key, so that nothing could be corrupted");
            await Task.WhenAll(writes);
            done += writes.Count;
        }
        return $"{done}";

        async Task WriteAsync(RedisKey key, byte[] rubbish)
        {
            if (await database.KeyTypeAsync(key) == RedisType.Hash) await database.HashSetAsync(key, "data", rubbish);
            else await database.StringSetAsync(key, rubbish);
        }
    }

    /// <summary>Documents of several chunks, one a request, written all the time; what was acknowledged is looked up at the end.</summary>
    private sealed class Writer(HttpClient http, string prefix)
    {
        private readonly GeneratedText _text = new(7);
        private readonly Dictionary<string, string> _sent = [];

        /// <summary>Position of each acknowledged document.</summary>
        public Dictionary<string, long> Acknowledged { get; } = [];

        public int Refused { get; private set; }

        public long LastPosition => Acknowledged.Count == 0 ? 0 : Acknowledged.Values.Max();

        public List<string> Wrong { get; } = [];

        public async Task RunAsync(CancellationToken stop)
        {
            for (int n = 0; !stop.IsCancellationRequested; n++)
            {
                string uri = $"{prefix}/{n}.txt";
                string text = $"The mark of this document is {Mark(n)}.\n\n{_text.Document(6)}";
                _sent[uri] = text;
                try
                {
                    using var response = await http.PostAsJsonAsync("/v1/collections/outage/documents", new { uri, text }, CancellationToken.None);
                    string body = await response.Content.ReadAsStringAsync(CancellationToken.None);
                    if (response.StatusCode == HttpStatusCode.ServiceUnavailable && response.Headers.RetryAfter is not null) Refused++;
                    else if (response.StatusCode != HttpStatusCode.OK) Wrong.Add($"a write got {(int)response.StatusCode}{(response.Headers.RetryAfter is null ? " without Retry-After" : "")}: {body[..Math.Min(body.Length, 300)]}");
                    else
                    {
                        using var parsed = JsonDocument.Parse(body);
                        string status = parsed.RootElement.GetProperty("files")[0].GetProperty("status").GetString()!;
                        if (status == "created") Acknowledged[uri] = parsed.RootElement.GetProperty("position").GetInt64();
                        else Wrong.Add($"a write became {status}: {body[..Math.Min(body.Length, 300)]}");
                    }
                }
                catch (Exception e) when (e is HttpRequestException or IOException)
                {
                    Wrong.Add($"a write had no answer: {e.Message}");
                }
                await Task.Delay(100, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        /// <summary>What was acknowledged is there, whole and found on every replica; the rest is there whole, or not at all.</summary>
        public async Task<List<string>> LookAsync(ProductionCluster cluster, CancellationToken ct)
        {
            var wrong = new List<string>();
            var there = new Dictionary<string, string>();
            string after = "";
            while (true)
            {
                var page = await http.GetFromJsonAsync<JsonElement>($"/v1/collections/outage/documents?limit=500&prefix={prefix}/&after={Uri.EscapeDataString(after)}", ct);
                foreach (var document in page.GetProperty("documents").EnumerateArray()) there[document.GetProperty("uri").GetString()!] = document.GetProperty("id").GetString()!;
                if (!page.TryGetProperty("next", out var next) || next.GetString() is not { } more) break;
                after = more;
            }
            foreach (string uri in Acknowledged.Keys.Where(u => !there.ContainsKey(u))) wrong.Add($"{uri} was acknowledged and is lost");
            foreach (var (uri, id) in there)
            {
                string text = await http.GetStringAsync($"/v1/collections/outage/documents/{id}/text", ct);
                if (text.ReplaceLineEndings("\n").Trim() != _sent[uri].Trim()) wrong.Add($"{uri} is half-done");
            }
            foreach (var replica in cluster.Replicas)
            {
                foreach (string uri in Acknowledged.Keys)
                {
                    string mark = Mark(int.Parse(Path.GetFileNameWithoutExtension(uri), System.Globalization.CultureInfo.InvariantCulture));
                    var found = await ProductionCluster.PostAsync(replica, "/v1/search", new { query = mark, collection = "outage", mode = "lexical", k = 3, wait_for = LastPosition }, ct);
                    if (found.GetProperty("hits").EnumerateArray().All(h => h.GetProperty("uri").GetString() != uri)) wrong.Add($"{uri} is not found by {replica.BaseAddress}");
                }
                var report = await ProductionCluster.PostAsync(replica, "/admin/v1/index/verify", null, ct);
                if (!report.GetProperty("clean").GetBoolean()) wrong.Add($"the index of {replica.BaseAddress} differs from the record: {report.GetProperty("collections")}");
            }
            return wrong;
        }

        private string Mark(int number) => $"mark{prefix.Replace("-", "", StringComparison.Ordinal)}x{number}";
    }
}
