using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Rag.Testing;

namespace Rag.Bench.Verify.Production;

/// <summary>Replicas with their servers and documents, which the checks of a capability share. Each check leaves it whole, or the next makes it so.</summary>
internal sealed class ProductionCluster : IAsyncDisposable
{
    private const int ReplicaCount = 3;
    private const int Documents = 646, QuickDocuments = 160;
    private const int Questions = 10_000, QuickQuestions = 150;
    private const int DrainMs = 2_000, QuickDrainMs = 600;
    private const int BatchDocuments = 50;
    private static readonly TimeSpan SettleLimit = TimeSpan.FromMinutes(5);

    private readonly Zipf _zipf;
    private readonly byte[][] _bodies;
    private int _later, _uncached;

    private ProductionCluster(LocalCluster servers, ProductionText text, bool quick)
    {
        (Servers, Text, Quick) = (servers, text, quick);
        Balancer = Client(servers.Balancer);
        Replicas = [.. servers.Replicas.Select(Client)];
        _zipf = new(text.Questions.Count);
        _bodies = [.. text.Questions.Select(q => QuestionLoad.Body(q))];
    }

    public LocalCluster Servers { get; }

    public ProductionText Text { get; }

    public bool Quick { get; }

    public HttpClient Balancer { get; }

    public IReadOnlyList<HttpClient> Replicas { get; }

    /// <param name="settings">Settings of every replica beside those that every check has.</param>
    /// <param name="monitoring">Whether Prometheus and Alertmanager run, too.</param>
    /// <param name="environment">Of every replica.</param>
    /// <param name="documents">How many are put in; as many as a capability's checks need unless given.</param>
    public static async Task<ProductionCluster> StartAsync(
        bool quick, CancellationToken ct, int replicas = ReplicaCount, IEnumerable<string>? settings = null, bool monitoring = false, IReadOnlyDictionary<string, string>? environment = null, int? documents = null)
    {
        if ((monitoring ? LocalCluster.MissingWithMonitoring : LocalCluster.Missing) is { } missing) throw new CannotMeasureException($"{missing}; deploy/local/README.md says what to install");
        var text = await ProductionText.LoadAsync(documents ?? (quick ? QuickDocuments : Documents), quick ? QuickQuestions : Questions, ct);
        var servers = await LocalCluster.StartAsync(
            replicas,
            // A history of many versions is looked at afterwards; a quick run has no time to drain as long as people would.
            ["Ingestion:KeepVersions=1000", $"Server:DrainMs={(quick ? QuickDrainMs : DrainMs)}", .. settings ?? []], proxies: true, ct, monitoring, environment);
        var cluster = new ProductionCluster(servers, text, quick);
        try
        {
            foreach (var batch in text.Documents.Chunk(BatchDocuments)) await cluster.IngestAsync(cluster.Balancer, "default", batch, ct);
            await cluster.SettleAsync(ct);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Everything runs, no fault is on, every replica answers and the balancer knows it.</summary>
    public async Task MendAsync(CancellationToken ct)
    {
        foreach (var proxy in (FaultProxy[])[Servers.PostgresProxy!, Servers.RedisProxy!])
        {
            proxy.Up();
            proxy.Latency = TimeSpan.Zero;
        }
        bool missing = !Servers.AllRun;
        if (missing) await Servers.StartAllAsync(ct);
        await Until(async () => (await Task.WhenAll(Replicas.Select(r => PositionAsync(r, ct)))).Distinct().Count() == 1, "the replicas stand at different positions", ct);
        // The balancer looks five times a second.
        if (missing) await Task.Delay(500, ct);
    }

    /// <summary>Every chunk has its vector, and every replica stands where the others do.</summary>
    public async Task SettleAsync(CancellationToken ct)
    {
        await Until(async () =>
        {
            var collection = await Balancer.GetFromJsonAsync<JsonElement>("/v1/collections/default", ct);
            return collection.GetProperty("embedded_chunks").GetInt64() == collection.GetProperty("chunks").GetInt64();
        }, "not every chunk has its vector", ct);
        await MendAsync(ct);
    }

    /// <summary>Requests of questions drawn by Zipf's law, the same for the same seed.</summary>
    public Func<long, byte[]> ZipfBodies(int seed)
    {
        var random = new Random(seed);
        return _ =>
        {
            lock (random) return _bodies[_zipf.Next(random)];
        };
    }

    /// <summary>Requests that no cache may answer, each of a question that was never asked before: not even its vector is known.</summary>
    public Func<long, byte[]> UncachedBodies() => _ =>
    {
        int number = Interlocked.Increment(ref _uncached);
        return QuestionLoad.Body($"{Text.Questions[number % Text.Questions.Count]} {number}", noCache: true);
    };

    /// <summary>Requests that a cache may answer if it knew them, each of a question that was never asked before.</summary>
    public Func<long, byte[]> NewBodies() => _ =>
    {
        int number = Interlocked.Increment(ref _uncached);
        return QuestionLoad.Body($"{Text.Questions[number % Text.Questions.Count]} {number}");
    };

    /// <summary>Puts documents in, all of which must be acknowledged; returns the position.</summary>
    public async Task<long> IngestAsync(HttpClient http, string collection, IEnumerable<(string Uri, string Text)> documents, CancellationToken ct)
    {
        using var response = await http.PostAsJsonAsync($"/v1/collections/{collection}/documents", new { documents = documents.Select(d => new { uri = d.Uri, text = d.Text }) }, ct);
        string body = await response.Content.ReadAsStringAsync(ct);
        if (response.StatusCode != HttpStatusCode.OK) throw new InvalidOperationException($"Documents were not taken in: {(int)response.StatusCode} {body}");
        using var parsed = JsonDocument.Parse(body);
        foreach (var file in parsed.RootElement.GetProperty("files").EnumerateArray())
            if (file.GetProperty("status").GetString() is "failed") throw new InvalidOperationException($"The server refused a plain text: {file}");
        return parsed.RootElement.TryGetProperty("position", out var position) ? position.GetInt64() : 0;
    }

    /// <summary>Puts a new document in every second until it is told to stop; a write that the fault of the check refuses is left out.</summary>
    /// <returns>How many were acknowledged.</returns>
    public async Task<int> IngestEverySecondAsync(CancellationToken stop)
    {
        int acknowledged = 0;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            do
            {
                int number = Interlocked.Increment(ref _later);
                try
                {
                    await IngestAsync(Balancer, "default", [($"later/{number}.txt", Text.Later[number % Text.Later.Count])], stop);
                    acknowledged++;
                }
                catch (Exception e) when (e is HttpRequestException or InvalidOperationException)
                {
                    // Counted by its absence.
                }
            }
            while (await timer.WaitForNextTickAsync(stop));
        }
        catch (OperationCanceledException)
        {
        }
        return acknowledged;
    }

    public static async Task<JsonElement> PostAsync(HttpClient http, string path, object? body, CancellationToken ct)
    {
        using var response = await http.PostAsJsonAsync(path, body ?? new { }, ct);
        string text = await response.Content.ReadAsStringAsync(ct);
        if (!response.IsSuccessStatusCode) throw new HttpRequestException($"{path} answered {(int)response.StatusCode}: {text}");
        using var parsed = JsonDocument.Parse(text);
        return parsed.RootElement.Clone();
    }

    /// <summary>Asks for an answer as a stream, and reads it to its end.</summary>
    public static async Task StreamAsync(HttpClient http, string question, CancellationToken ct)
    {
        using var response = await http.PostAsJsonAsync("/v1/ask", new { question, stream = true }, ct);
        await response.Content.ReadAsStringAsync(ct);
    }

    /// <summary>Value of a replica's metric without labels that tell series apart; null where there is none.</summary>
    public static async Task<double?> MetricAsync(HttpClient replica, string name, CancellationToken ct) =>
        await SeriesAsync(replica, name, ct) is { Count: > 0 } series ? series.Values.First() : null;

    /// <summary>Series of a replica's metric, by their labels as they are printed.</summary>
    public static async Task<Dictionary<string, double>> SeriesAsync(HttpClient replica, string name, CancellationToken ct)
    {
        string text = await replica.GetStringAsync("/metrics", ct);
        return text.Split('\n').Where(l => l.StartsWith(name, StringComparison.Ordinal) && l.Length > name.Length && l[name.Length] is '{' or ' ')
            .ToDictionary(l => l[name.Length..l.LastIndexOf("} ", StringComparison.Ordinal)].TrimStart('{'), l => double.Parse(l.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture));
    }

    public static async Task<long> PositionAsync(HttpClient replica, CancellationToken ct) => (long)(await MetricAsync(replica, "rag_index_position", ct) ?? -1);

    public static async Task Until(Func<Task<bool>> holds, string otherwise, CancellationToken ct)
    {
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!await holds())
        {
            if (System.Diagnostics.Stopwatch.GetElapsedTime(started) > SettleLimit) throw new InvalidOperationException($"After {SettleLimit} {otherwise}.");
            await Task.Delay(50, ct);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Balancer.Dispose();
        foreach (var replica in Replicas) replica.Dispose();
        await Servers.DisposeAsync();
    }

    private static HttpClient Client(Uri address) => new() { BaseAddress = address, Timeout = TimeSpan.FromSeconds(60) };
}
