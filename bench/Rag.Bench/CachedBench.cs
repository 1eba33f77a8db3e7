using System.Text;
using System.Text.Json;

namespace Rag.Bench;

/// <summary>
/// A question that the cache knows, asked over HTTP of the real <c>rag serve</c>, metrics and all, against bare Kestrel
/// returning the same bytes: the same client, the same connections, each server a process of its own.
/// </summary>
internal static class CachedBench
{
    private const int Connections = 16;
    private const string Path = "/v1/ask";

    public static async Task<BenchResult> RunAsync(bool quick, CancellationToken ct)
    {
        var duration = TimeSpan.FromSeconds(quick ? 0.5 : 3);
        int rounds = quick ? 3 : 7;
        string folder = Directory.CreateTempSubdirectory("rag-cached-").FullName;
        try
        {
            await using var ours = ServerProcess.StartRag(System.IO.Path.Combine(folder, "data"));
            await ours.WaitReadyAsync(ct);
            byte[] answer = await FillAsync(ours, ct);
            string answerFile = System.IO.Path.Combine(folder, "answer.json");
            await File.WriteAllBytesAsync(answerFile, answer, ct);
            await using var bare = ServerProcess.StartBare(answerFile);
            await bare.WaitReadyAsync(ct);
            var p99 = (Ours: new List<double>(), Baseline: new List<double>());
            // One more that does not count: both are compiled anew while they run for the first seconds.
            await LoadAsync(ours, []);
            await LoadAsync(bare, []);
            var results = await Rounds.RunAsync(rounds, _ => LoadAsync(ours, p99.Ours), _ => LoadAsync(bare, p99.Baseline));
            return BenchResult.Of("cached", "requests/s", results, new Dictionary<string, double>
            {
                ["connections"] = Connections,
                ["bytes"] = answer.Length,
                ["ours_p99_ms"] = BenchResult.Round(BenchResult.Median(p99.Ours)),
                ["baseline_p99_ms"] = BenchResult.Round(BenchResult.Median(p99.Baseline)),
            });

            async Task<double> LoadAsync(ServerProcess server, List<double> latencies)
            {
                var outcome = await HttpLoad.RunAsync(server.Port, HttpLoad.Post(server.Port, Path, Body), Connections, duration, ct);
                latencies.Add(outcome.P99Ms);
                return outcome.RequestsPerSecond;
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The same question of two servers of ours, one of which measures nothing.</summary>
    public static async Task<BenchResult> RunTelemetryAsync(bool quick, CancellationToken ct)
    {
        var duration = TimeSpan.FromSeconds(quick ? 0.5 : 3);
        string folder = Directory.CreateTempSubdirectory("rag-telemetry-").FullName;
        try
        {
            await using var on = ServerProcess.StartRag(System.IO.Path.Combine(folder, "on"));
            await using var off = ServerProcess.StartRag(System.IO.Path.Combine(folder, "off"), "Telemetry:Enabled=false");
            foreach (var server in (ServerProcess[])[on, off])
            {
                await server.WaitReadyAsync(ct);
                await FillAsync(server, ct);
                await LoadAsync(server);
            }
            return BenchResult.Of("telemetry", "requests/s", await Rounds.RunAsync(quick ? 3 : 9, async _ =>
            {
                var load = LoadAsync(on);
                // More often than Prometheus does.
                while (!load.IsCompleted)
                {
                    await on.Http.GetStringAsync("/metrics", ct);
                    await Task.WhenAny(load, Task.Delay(1_000, ct));
                }
                return await load;
            }, _ => LoadAsync(off)));

            async Task<double> LoadAsync(ServerProcess server) => (await HttpLoad.RunAsync(server.Port, HttpLoad.Post(server.Port, Path, Body), Connections, duration, ct)).RequestsPerSecond;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The same question of two servers of ours, one of which notes for nobody what it shows.</summary>
    public static async Task<BenchResult> RunAuditAsync(bool quick, CancellationToken ct)
    {
        var duration = TimeSpan.FromSeconds(quick ? 0.5 : 3);
        string folder = Directory.CreateTempSubdirectory("rag-audit-cost-").FullName;
        try
        {
            await using var on = ServerProcess.StartAudited(System.IO.Path.Combine(folder, "on"), noted: true);
            await using var off = ServerProcess.StartAudited(System.IO.Path.Combine(folder, "off"), noted: false);
            foreach (var server in (ServerProcess[])[on, off])
            {
                await server.WaitReadyAsync(ct);
                await FillAsync(server, ct);
                await LoadAsync(server);
            }
            var result = BenchResult.Of("audit", "requests/s", await Rounds.RunAsync(quick ? 3 : 9, _ => LoadAsync(on), _ => LoadAsync(off)));
            // What was counted is on the record, or the comparison would be of two servers that note nothing.
            return result with { Detail = new Dictionary<string, double> { ["noted"] = await NotedAsync(on, ct), ["noted_without"] = await NotedAsync(off, ct) } };

            async Task<double> LoadAsync(ServerProcess server) => (await HttpLoad.RunAsync(server.Port, HttpLoad.Post(server.Port, Path, Body), Connections, duration, ct)).RequestsPerSecond;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The same question of two servers of ours, one of which has a language model; what both have cached is sent as it is.</summary>
    /// <param name="model">Settings of the section Generation.</param>
    public static async Task<BenchResult> RunModelAsync(bool quick, string[] model, CancellationToken ct)
    {
        var duration = TimeSpan.FromSeconds(quick ? 0.5 : 3);
        string folder = Directory.CreateTempSubdirectory("rag-cached-model-").FullName;
        try
        {
            await using var with = ServerProcess.StartRag(System.IO.Path.Combine(folder, "with"), model);
            await using var without = ServerProcess.StartRag(System.IO.Path.Combine(folder, "without"));
            int bytesWith = 0, bytesWithout = 0;
            await with.WaitReadyAsync(ct);
            await without.WaitReadyAsync(ct);
            byte[] answer = await FillAsync(with, ct);
            (bytesWith, bytesWithout) = (answer.Length, (await FillAsync(without, ct)).Length);
            using (var parsed = JsonDocument.Parse(answer))
                if (!parsed.RootElement.TryGetProperty("generation", out var made) || made.GetProperty("mode").GetString() == "extractive") throw new InvalidOperationException("No model made the answer.");
            await LoadAsync(with);
            await LoadAsync(without);
            return BenchResult.Of("cached-model", "requests/s", await Rounds.RunAsync(quick ? 3 : 9, _ => LoadAsync(with), _ => LoadAsync(without)), new Dictionary<string, double> { ["bytes"] = bytesWith, ["baseline_bytes"] = bytesWithout });

            async Task<double> LoadAsync(ServerProcess server) => (await HttpLoad.RunAsync(server.Port, HttpLoad.Post(server.Port, Path, Body), Connections, duration, ct)).RequestsPerSecond;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Accesses on a server's audit record, once it has written the last of them.</summary>
    private static async Task<double> NotedAsync(ServerProcess server, CancellationToken ct)
    {
        await Task.Delay(TimeSpan.FromSeconds(2), ct);
        double count = 0;
        string before = "";
        while (true)
        {
            using var page = JsonDocument.Parse(await server.Http.GetByteArrayAsync($"/admin/v1/audit/records?category=data_access&limit=500{before}", ct));
            foreach (var record in page.RootElement.GetProperty("records").EnumerateArray())
                count += record.GetProperty("event").GetProperty("unmapped").GetProperty("accesses").EnumerateArray().Sum(a => a.GetProperty("count").GetInt64());
            if (!page.RootElement.TryGetProperty("next", out var next)) return count;
            before = "&before=" + next.GetInt64();
        }
    }

    /// <summary>The question that <see cref="FillAsync"/> put into the cache, as it is sent.</summary>
    public static byte[] Request(ServerProcess server) => HttpLoad.Post(server.Port, Path, Body);

    private const string Body = """{"question":"How long are audit logs kept?"}""";

    /// <summary>Puts a document in and asks twice; returns the second answer, which comes from the cache.</summary>
    public static async Task<byte[]> FillAsync(ServerProcess server, CancellationToken ct)
    {
        const string document = """
            {"uri":"policy.txt","title":"Records policy","text":"Audit logs are kept for seven years. They are written once and never changed. Access to the archive is reviewed every quarter by the security officer."}
            """;
        using var put = await server.Http.PostAsync("/v1/collections/default/documents", Json(document), ct);
        put.EnsureSuccessStatusCode();
        using var written = JsonDocument.Parse(await put.Content.ReadAsByteArrayAsync(ct));
        long position = written.RootElement.GetProperty("position").GetInt64();
        // The vector comes a moment after the words and changes the index once more; wait for the quiet after it.
        while (true)
        {
            using var index = JsonDocument.Parse(await server.Http.GetByteArrayAsync("/admin/v1/index", ct));
            var only = index.RootElement.GetProperty("collections").EnumerateArray().Single();
            bool done = index.RootElement.GetProperty("position").GetInt64() > position && only.GetProperty("embedded_chunks").GetInt64() == only.GetProperty("chunks").GetInt64();
            if (done) break;
            await Task.Delay(50, ct);
        }
        byte[] answer = [];
        for (int i = 0; i < 2; i++)
        {
            using var response = await server.Http.PostAsync(Path, Json(Body), ct);
            response.EnsureSuccessStatusCode();
            answer = await response.Content.ReadAsByteArrayAsync(ct);
        }
        using var parsed = JsonDocument.Parse(answer);
        if (!parsed.RootElement.GetProperty("cached").GetBoolean()) throw new InvalidOperationException("The second answer did not come from the cache.");
        return answer;
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
}
