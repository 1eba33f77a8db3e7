using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Rag.Bench.Verify;

/// <summary>
/// Kills the real server with SIGKILL at random moments of an ingest and looks, after each restart, whether everything
/// that it acknowledged is there and found, nothing twice, and the index true to the record.
/// </summary>
internal static class KillChecks
{
    private const int Kills = 100, QuickKills = 5;
    private const int Writers = 4;
    private const int FilesPerRequest = 3;
    private const int MaxRunMs = 1_200;

    /// <summary>Documents of earlier rounds that are looked up again in each round; the last round looks at all.</summary>
    private const int OldSample = 25;

    public static IEnumerable<Check> All()
    {
        yield return new("kill", "acknowledged documents lost, stale or there twice, and differences of the index from the record, after kill -9 at random moments of an ingest",
            Relation.AtMost, 0, MeasureAsync);
    }

    /// <summary>What a document may hold: the word of its last acknowledged version, or one that was on its way after it.</summary>
    private sealed class Expected
    {
        public string? Acknowledged;
        public readonly List<string> InFlight = [];
    }

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        int kills = context.Quick ? QuickKills : Kills;
        string folder = Directory.CreateTempSubdirectory("rag-kill-").FullName;
        var random = new Random();
        var documents = new Dictionary<string, Expected>();
        var wrong = new List<string>();
        double slowestReady = 0;
        try
        {
            for (int kill = 0; kill <= kills; kill++)
            {
                await using var server = ServerProcess.StartRag(folder);
                slowestReady = Math.Max(slowestReady, await server.WaitReadyAsync(ct));
                await server.WaitSaidAsync(ct);
                int before = wrong.Count;
                await LookAsync(server.Http, documents, all: kill == kills, random, wrong, ct);
                for (int i = before; i < wrong.Count; i++) wrong[i] = $"after kill {kill}: {wrong[i]}";
                if (kill == kills) break;
                using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
                var writers = Enumerable.Range(0, Writers).Select(w => WriteAsync(server.Http, documents, $"{kill}-{w}", new Random(random.Next()), stop.Token)).ToList();
                await Task.Delay(random.Next(1, MaxRunMs), ct);
                await server.KillAsync();
                await stop.CancelAsync();
                await Task.WhenAll(writers);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        int acknowledged = documents.Values.Count(d => d.Acknowledged is not null);
        if (acknowledged == 0) throw new InvalidOperationException("Nothing was acknowledged before the kills, so that nothing was tested.");
        string note = $"{kills} kills, {acknowledged} documents acknowledged, slowest restart ready in {slowestReady:F2} s";
        if (context.Quick) note += $"; smaller: {QuickKills} kills of {Kills}";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join("; ", wrong.Take(10))}");
    }

    private static async Task WriteAsync(HttpClient http, Dictionary<string, Expected> documents, string writer, Random random, CancellationToken ct)
    {
        var text = new GeneratedText(random.Next());
        var mine = new List<string>();
        for (int n = 0; !ct.IsCancellationRequested; n++)
        {
            var words = new Dictionary<string, string>();
            for (int f = 0; f < FilesPerRequest; f++)
            {
                // Some replace what this writer wrote before.
                string uri = mine.Count > 0 && random.Next(4) == 0 ? mine[random.Next(mine.Count)] : $"{writer}-{n}-{f}.txt";
                words[uri] = $"mark{writer.Replace("-", "x")}x{n}x{f}";
            }
            using var form = new MultipartFormDataContent();
            foreach (var (uri, word) in words)
            {
                lock (documents)
                {
                    if (!documents.TryGetValue(uri, out var expected)) documents[uri] = expected = new();
                    expected.InFlight.Add(word);
                }
                var part = new ByteArrayContent(Encoding.UTF8.GetBytes($"{text.Paragraph(4)}\n\nThe word of this version is {word}.\n\n{text.Document(random.Next(1, 6))}"));
                part.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
                form.Add(part, "files", uri);
            }
            try
            {
                using var response = await http.PostAsync("/v1/collections/default/documents", form, ct);
                response.EnsureSuccessStatusCode();
                using var body = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(ct));
                foreach (var file in body.RootElement.GetProperty("files").EnumerateArray())
                {
                    string uri = file.GetProperty("uri").GetString()!;
                    if (file.GetProperty("status").GetString() is not ("created" or "updated")) throw new InvalidOperationException($"The server refused a plain text: {file}");
                    lock (documents) (documents[uri].Acknowledged, _) = (words[uri], documents[uri].InFlight.RemoveAll(w => w == words[uri]));
                    if (!mine.Contains(uri)) mine.Add(uri);
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or JsonException)
            {
                // The server is gone, in the middle of this: not acknowledged, whatever became of it.
                return;
            }
        }
    }

    private static async Task LookAsync(HttpClient http, Dictionary<string, Expected> documents, bool all, Random random, List<string> wrong, CancellationToken ct)
    {
        var report = await PostAsync(http, "/admin/v1/index/verify", null, ct);
        if (!report.GetProperty("clean").GetBoolean()) wrong.Add("rag index verify: " + report.GetProperty("collections"));
        var listed = await ListAsync(http, ct);
        foreach (var twice in listed.GroupBy(u => u).Where(g => g.Count() > 1)) wrong.Add($"{twice.Key} is there {twice.Count()} times");
        var there = listed.ToHashSet();
        var recent = documents.Where(d => d.Value.InFlight.Count > 0).ToList();
        var others = documents.Where(d => d.Value.InFlight.Count == 0).ToList();
        var looked = all ? documents.ToList() : recent.Concat(others.TakeLast(OldSample)).Concat(others.OrderBy(_ => random.Next()).Take(OldSample)).DistinctBy(d => d.Key).ToList();
        foreach (var (uri, expected) in documents)
            if (expected.Acknowledged is not null && !there.Contains(uri)) wrong.Add($"{uri} was acknowledged and is not listed");
        foreach (var (uri, expected) in looked)
        {
            var found = new List<string>();
            foreach (string word in expected.InFlight.Prepend(expected.Acknowledged).OfType<string>())
            {
                var hits = (await PostAsync(http, "/v1/search", $$"""{"query":"{{word}}","mode":"lexical","k":10}""", ct)).GetProperty("hits").EnumerateArray()
                    .Where(h => h.GetProperty("text").GetString()!.Contains(word + ".", StringComparison.Ordinal)).Select(h => h.GetProperty("uri").GetString()!).ToList();
                if (hits.Any(u => u != uri)) wrong.Add($"{word} of {uri} is found in {string.Join(", ", hits)}");
                if (hits.Count > 1) wrong.Add($"{word} of {uri} is found {hits.Count} times");
                if (hits.Count > 0) found.Add(word);
            }
            if (found.Count > 1) wrong.Add($"{uri} is found with the words of {found.Count} versions");
            if (found.Count == 0 && expected.Acknowledged is not null) wrong.Add($"{uri} was acknowledged and is not found");
            // What was on its way has either come or not; from now on it is settled.
            if (found.Count > 0) expected.Acknowledged = found[0];
            expected.InFlight.Clear();
        }
    }

    private static async Task<List<string>> ListAsync(HttpClient http, CancellationToken ct)
    {
        var uris = new List<string>();
        string after = "";
        while (true)
        {
            using var page = JsonDocument.Parse(await http.GetByteArrayAsync($"/v1/collections/default/documents?limit=500&after={Uri.EscapeDataString(after)}", ct));
            uris.AddRange(page.RootElement.GetProperty("documents").EnumerateArray().Select(d => d.GetProperty("uri").GetString()!));
            if (!page.RootElement.TryGetProperty("next", out var next) || next.ValueKind == JsonValueKind.Null) return uris;
            after = next.GetString()!;
        }
    }

    private static async Task<JsonElement> PostAsync(HttpClient http, string path, string? json, CancellationToken ct)
    {
        using var response = await http.PostAsync(path, json is null ? null : new StringContent(json, Encoding.UTF8, "application/json"), ct);
        string body = await response.Content.ReadAsStringAsync(ct);
        if (!response.IsSuccessStatusCode) throw new InvalidOperationException($"{path} answered {(int)response.StatusCode}: {body}");
        using var parsed = JsonDocument.Parse(body);
        return parsed.RootElement.Clone();
    }
}
