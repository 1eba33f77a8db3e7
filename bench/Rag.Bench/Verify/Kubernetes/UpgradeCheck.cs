using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Rag.Bench.Verify.Production;
using Rag.Testing;

namespace Rag.Bench.Verify.Kubernetes;

/// <summary>
/// The previous release and this one side by side on one database: three replicas of the previous release, replaced one by one by this
/// one and put back by <c>deploy/local/rollback</c>, while people ask and put documents in. The previous release is the last commit whose
/// schema is older, built from the history of this clone.
/// </summary>
internal static class UpgradeCheck
{
    private const int Replicas = 3, QuickReplicas = 2, Askers = 4;
    private const double QuestionsPerSecond = 60, QuickQuestionsPerSecond = 30;
    private const int Documents = 300, QuickDocuments = 40;
    private static readonly TimeSpan BetweenWrites = TimeSpan.FromMilliseconds(200), Rest = TimeSpan.FromSeconds(5), QuickRest = TimeSpan.FromSeconds(1);

    private static Task<Outcome>? _outcome;

    private sealed record Outcome(int Failed, int Lost, string Note, string LostNote);

    public static async Task<Measured> FailedAsync(CheckContext context, CancellationToken ct)
    {
        var outcome = await (_outcome ??= RunAsync(context.Quick, ct));
        return new(outcome.Failed, outcome.Note);
    }

    public static async Task<Measured> LostAsync(CheckContext context, CancellationToken ct)
    {
        var outcome = await (_outcome ??= RunAsync(context.Quick, ct));
        return new(outcome.Lost, outcome.LostNote);
    }

    private static async Task<Outcome> RunAsync(bool quick, CancellationToken ct)
    {
        if (LocalCluster.Missing is { } missing) throw new CannotMeasureException($"{missing}; deploy/local/README.md says what to install");
        string current = Path.Combine(AppContext.BaseDirectory, "rag");
        var previous = await PreviousRelease.FindAsync(ct);
        // A quick run has no time to build another release.
        string before = previous.Built ?? (quick ? current : await previous.BuildAsync(ct));
        var text = await ProductionText.LoadAsync(quick ? QuickDocuments : Documents, 200, ct);
        await using var servers = await LocalCluster.StartAsync(quick ? QuickReplicas : Replicas, [$"Server:DrainMs={(quick ? 600 : 2_000)}"], proxies: false, ct, program: before);
        using var http = new HttpClient { BaseAddress = servers.Balancer, Timeout = TimeSpan.FromSeconds(60) };
        string schemaBefore = await SchemaAsync(servers, ct);
        foreach (var batch in text.Documents.Chunk(20)) await FillAsync(http, batch, ct);

        var questions = text.Questions.Select(q => QuestionLoad.Body(q)).ToList();
        var writes = new Writes(http, text.Later);
        await using var load = QuestionLoad.Start([servers.Balancer], n => questions[(int)(n % questions.Count)], Askers, quick ? QuickQuestionsPerSecond : QuestionsPerSecond, ct);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var writing = writes.RunAsync(stop.Token);
        var standstill = StandstillAsync(stop.Token);
        var rest = quick ? QuickRest : Rest;
        long started = Stopwatch.GetTimestamp();
        await Task.Delay(rest, ct);
        await servers.ReleaseAsync(current, ct);
        string schemaAfter = await SchemaAsync(servers, ct);
        Require(servers, current);
        double forward = Stopwatch.GetElapsedTime(started).TotalSeconds;
        await Task.Delay(rest, ct);
        await servers.RollbackAsync(ct);
        Require(servers, before);
        double back = Stopwatch.GetElapsedTime(started).TotalSeconds - forward;
        await Task.Delay(rest, ct);
        await stop.CancelAsync();
        await writing;
        var stood = await standstill;
        var asked = await load.StopAsync();
        if (before != current && string.CompareOrdinal(schemaBefore, schemaAfter) >= 0) throw new InvalidOperationException($"The schema was {schemaBefore} and is {schemaAfter}: the previous release has the same, and nothing was tried.");

        var (lost, examples) = await writes.MissingAsync(servers, text.Documents.Select(d => d.Uri), ct);
        string side = before == current ? "smaller: this release twice, because the previous one was not built yet; run the check without --quick once"
            : $"previous release {previous.Commit[..10]} with schema {schemaBefore}, this one {schemaAfter}";
        string note = string.Create(CultureInfo.InvariantCulture,
            $"{asked.Failed} of {asked.Count} questions and {writes.Failed} of {writes.Tried} writes failed; forward {forward:F0} s, back {back:F0} s, p95 {asked.P95():F0} ms; {side}{(quick ? $"; smaller: {QuickReplicas} replicas of {Replicas}, {QuickDocuments} documents of {Documents}" : "")}");
        if (stood > TimeSpan.FromSeconds(2)) note += string.Create(CultureInfo.InvariantCulture, $"; this program itself did not run for {stood.TotalSeconds:F0} s at a stretch");
        if (asked.Failed > 0) note += $"; {asked.FailureText}";
        if (writes.Problems.Count > 0) note += $"; {string.Join(" | ", writes.Problems.Take(3))}";
        if (servers.Unexpected() is { } unexpected) note += $"; logged: {unexpected}";
        return new(asked.Failed + writes.Failed, lost, note, $"{writes.Acknowledged.Count} documents put in meanwhile and {text.Documents.Count} before, looked for on each of {servers.ReplicaCount} replicas{(examples.Count == 0 ? "" : $"; {string.Join(" | ", examples.Take(5))}")}");
    }

    /// <summary>Documents from before. On a busy machine a database that is new may refuse at first; the same documents are sent again.</summary>
    private static async Task FillAsync(HttpClient http, (string Uri, string Text)[] batch, CancellationToken ct)
    {
        const int Tries = 10;
        for (int attempt = 1; ; attempt++)
        {
            using var response = await http.PostAsJsonAsync("/v1/collections/default/documents", new { documents = batch.Select(d => new { uri = d.Uri, text = d.Text }) }, ct);
            if (response.IsSuccessStatusCode) return;
            if (attempt == Tries) throw new InvalidOperationException($"Documents were not taken in before the release: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(ct)}");
            await Task.Delay(TimeSpan.FromSeconds(2), ct);
        }
    }

    private static void Require(LocalCluster servers, string program)
    {
        foreach (int n in Enumerable.Range(1, servers.ReplicaCount))
            if (!servers.Program(LocalCluster.Replica(n)).Equals(program, StringComparison.Ordinal)) throw new InvalidOperationException($"Replica {n} runs {servers.Program(LocalCluster.Replica(n))}, and not {program}.");
    }

    /// <summary>The longest time for which this program was not run at all: what happens meanwhile on the wire is nobody's failure, and has to be told from one.</summary>
    private static async Task<TimeSpan> StandstillAsync(CancellationToken stop)
    {
        var tick = TimeSpan.FromMilliseconds(200);
        var longest = TimeSpan.Zero;
        while (!stop.IsCancellationRequested)
        {
            long at = Stopwatch.GetTimestamp();
            await Task.Delay(tick, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (Stopwatch.GetElapsedTime(at) - tick is var late && late > longest) longest = late;
        }
        return longest;
    }

    /// <summary>Number of the last migration in the database.</summary>
    private static async Task<string> SchemaAsync(LocalCluster servers, CancellationToken ct)
    {
        await using var record = NpgsqlDataSource.Create(servers.PostgresConnection);
        await using var command = record.CreateCommand("""SELECT MAX("Version")::text FROM "VersionInfo" """);
        return (string)(await command.ExecuteScalarAsync(ct))!;
    }

    /// <summary>Documents, one after the other, each sent once.</summary>
    private sealed class Writes(HttpClient http, IReadOnlyList<string> texts)
    {
        public ConcurrentDictionary<string, long> Acknowledged { get; } = new();

        public ConcurrentQueue<string> Problems { get; } = new();

        public int Tried { get; private set; }

        public int Failed { get; private set; }

        public async Task RunAsync(CancellationToken stop)
        {
            while (!stop.IsCancellationRequested)
            {
                string uri = string.Create(CultureInfo.InvariantCulture, $"meanwhile/{++Tried}.txt");
                try
                {
                    // Not cancelled when the load stops: what is under way must still be answered.
                    using var response = await http.PostAsJsonAsync("/v1/collections/default/documents", new { uri, text = $"{Word(uri)} says: {texts[Tried % texts.Count]}" }, CancellationToken.None);
                    string body = await response.Content.ReadAsStringAsync(CancellationToken.None);
                    if (!response.IsSuccessStatusCode) throw new HttpRequestException($"{(int)response.StatusCode} {body[..Math.Min(200, body.Length)]}");
                    using var parsed = JsonDocument.Parse(body);
                    Acknowledged[uri] = parsed.RootElement.GetProperty("position").GetInt64();
                }
                catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or JsonException or KeyNotFoundException)
                {
                    Failed++;
                    Problems.Enqueue($"{uri}: {(e.InnerException ?? e).Message}");
                }
                await Task.Delay(BetweenWrites, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        /// <summary>One word to the index: the parts of an address also stand in other texts, which may then be ranked before it.</summary>
        private static string Word(string uri) => uri.Replace("/", "", StringComparison.Ordinal).Replace(".", "", StringComparison.Ordinal);

        /// <summary>What a replica does not list, after it stands at the last position that was acknowledged.</summary>
        public async Task<(int Lost, List<string> Examples)> MissingAsync(LocalCluster servers, IEnumerable<string> before, CancellationToken ct)
        {
            var examples = new List<string>();
            int lost = 0;
            long last = Acknowledged.Values.DefaultIfEmpty().Max();
            var all = before.Concat(Acknowledged.Keys).ToList();
            foreach (var (address, n) in servers.Replicas.Select((a, i) => (a, i + 1)))
            {
                using var replica = new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromSeconds(60) };
                // Its index has the last one, and so all before it.
                await ProductionCluster.PostAsync(replica, "/v1/search", new { query = "says", k = 1, mode = "lexical", wait_for = last }, ct);
                var there = await ListAsync(replica, ct);
                foreach (string uri in all.Where(u => !there.Contains(u)))
                {
                    lost++;
                    examples.Add($"replica {n} lacks {uri}");
                }
                // Every document that came meanwhile is found by the word that only it has.
                foreach (string uri in Acknowledged.Keys.Where((_, i) => i % 10 == 0))
                {
                    var found = await ProductionCluster.PostAsync(replica, "/v1/search", new { query = Word(uri), k = 5, mode = "lexical", wait_for = last }, ct);
                    if (found.GetProperty("hits").EnumerateArray().Any(h => h.GetProperty("uri").GetString() == uri)) continue;
                    lost++;
                    examples.Add($"replica {n} does not find {uri}");
                }
            }
            return (lost, examples);
        }

        private static async Task<HashSet<string>> ListAsync(HttpClient replica, CancellationToken ct)
        {
            var there = new HashSet<string>();
            string? next = null;
            do
            {
                var page = await replica.GetFromJsonAsync<JsonElement>($"/v1/collections/default/documents?limit=200{(next is null ? "" : $"&after={Uri.EscapeDataString(next)}")}", ct);
                foreach (var document in page.GetProperty("documents").EnumerateArray()) there.Add(document.GetProperty("uri").GetString()!);
                next = page.TryGetProperty("next", out var more) && more.ValueKind == JsonValueKind.String ? more.GetString() : null;
            }
            while (next is not null);
            return there;
        }
    }
}
