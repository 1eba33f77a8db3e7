using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using Rag.Inference.Generation;

namespace Rag.Bench.Verify.Models;

/// <summary>
/// A model in a process of its own that is killed (SIGKILL) or frozen (SIGSTOP) while it answers several askers of the real
/// <c>rag serve</c>. Each must get a whole answer in time: the model's own where it was done, and otherwise one that is marked
/// and has everything that the extraction has.
/// </summary>
internal static class KilledModelCheck
{
    private const int Rounds = 24, QuickRounds = 4, Askers = 6, Documents = 40;
    private const int TimeoutMs = 3_000;
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(TimeoutMs + 1_500);

    private sealed record Got(HttpStatusCode Status, string Outcome, bool Degraded, string Text, IReadOnlySet<string> Quotes, bool Continued, bool Begun, TimeSpan Took);

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        string folder = Directory.CreateTempSubdirectory("rag-killed-model-").FullName;
        var wrong = new List<string>();
        int marked = 0, begun = 0, asked = 0, rounds = context.Quick ? QuickRounds : Rounds;
        double slowest = 0;
        try
        {
            await using var without = ServerProcess.StartRag(Path.Combine(folder, "without"));
            await FillAsync(without, ct);
            foreach (string mode in new[] { GenerationOptions.Select, GenerationOptions.Compose })
            {
                int port = ServerProcess.FreePort();
                string[] settings =
                [
                    "Generation:Provider=openai", $"Generation:Endpoint=http://127.0.0.1:{port}/v1", "Generation:Model=scripted", $"Generation:Mode={mode}",
                    $"Generation:TimeoutMs={TimeoutMs}", "Generation:FirstTokenMs=1000", "Generation:StallMs=600", "Generation:BreakerFailures=100000", "Generation:BreakerSeconds=1",
                ];
                await using var with = ServerProcess.StartRag(Path.Combine(folder, mode), settings);
                await FillAsync(with, ct);
                var whole = new Dictionary<string, Got>();
                var extracted = new Dictionary<string, Got>();
                await using (var model = ServerProcess.StartModel(mode, port))
                {
                    await model.WaitSaidAsync(ct);
                    for (int q = 0; q < Askers; q++)
                    {
                        (whole[Question(q)], extracted[Question(q)]) = (await AskAsync(with, Question(q), stream: false, ct), await AskAsync(without, Question(q), stream: false, ct));
                        if (whole[Question(q)].Degraded) throw new InvalidOperationException("The model was no use before anything was done to it.");
                    }
                }
                var random = new Random(35);
                for (int round = 0; round < rounds / 2; round++)
                {
                    bool freeze = round % 2 == 1;
                    await using var model = ServerProcess.StartModel(mode, port);
                    await model.WaitSaidAsync(ct);
                    // A process that has only just begun is slow at everything; the second time shows how long answers take here and now.
                    var took = TimeSpan.Zero;
                    for (int warm = 0; warm < 2; warm++)
                        took = (await Task.WhenAll(Enumerable.Range(0, Askers).Select(q => AskAsync(with, Question(q), stream: false, ct)))).Max(g => g.Took);
                    var asking = Enumerable.Range(0, Askers).Select(q => (Question: Question(q), Answer: AskAsync(with, Question(q), stream: q % 2 == 0, ct))).ToList();
                    await Task.Delay(took * (0.1 + random.NextDouble()), ct);
                    if (freeze) await model.FreezeAsync();
                    else await model.KillAsync();
                    foreach (var (question, answer) in asking)
                    {
                        var got = await answer;
                        asked++;
                        if (got.Degraded) marked++;
                        if (got.Degraded && got.Begun) begun++;
                        slowest = Math.Max(slowest, got.Took.TotalMilliseconds);
                        if (Problem(got, whole[question], extracted[question]) is { } problem) wrong.Add($"{mode}, {(freeze ? "frozen" : "killed")}: {problem}");
                    }
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        if (begun == 0 || marked == asked) throw new InvalidOperationException("The model was never met in the middle, or never done.");
        string note = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{asked} answers in {rounds} rounds, both modes, {marked} marked, {begun} of these had begun, the slowest after {slowest:F0} ms of {TimeoutMs} for the model");
        if (context.Quick) note += $"; smaller: {QuickRounds} of {Rounds} rounds";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join("; ", wrong.Take(10))}");
    }

    private static string? Problem(Got got, Got whole, Got extracted)
    {
        if (got.Status != HttpStatusCode.OK) return $"status {(int)got.Status}";
        if (got.Took > Limit) return $"it came after {got.Took.TotalSeconds:F1} s";
        if (got.Outcome != "answered") return $"the outcome is {got.Outcome}";
        if (!got.Continued) return "what was streamed is not the beginning of the answer";
        if (!got.Degraded) return got.Text == whole.Text ? null : "it is not what the model says, and not marked";
        return extracted.Quotes.All(got.Quotes.Contains) ? null : "it lacks something that the extraction has";
    }

    private static string Question(int number) => $"Where does pump {number * 5 + 1} stand, and how much does it move?";

    private static async Task FillAsync(ServerProcess server, CancellationToken ct)
    {
        await server.WaitReadyAsync(ct);
        for (int i = 0; i < Documents; i++)
        {
            string text = $"Pump {i} stands in hall {i * 7 % 50}. Pump {i} moves {i + 10} litres a minute. Pump {i} was painted in {1950 + i}. The keeper of pump {i} has office {i + 300}.";
            using var put = await server.Http.PostAsync("/v1/collections/default/documents", Json(JsonSerializer.Serialize(new { uri = $"pump{i}.txt", title = $"Pump {i}", text })), ct);
            put.EnsureSuccessStatusCode();
        }
        while (true)
        {
            using var index = JsonDocument.Parse(await server.Http.GetByteArrayAsync("/admin/v1/index", ct));
            var only = index.RootElement.GetProperty("collections").EnumerateArray().Single();
            if (only.GetProperty("embedded_chunks").GetInt64() >= Documents && only.GetProperty("embedded_chunks").GetInt64() == only.GetProperty("chunks").GetInt64()) return;
            await Task.Delay(50, ct);
        }
    }

    private static async Task<Got> AskAsync(ServerProcess server, string question, bool stream, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        using var response = await server.Http.PostAsync("/v1/ask", Json(JsonSerializer.Serialize(new { question, stream, options = new { no_cache = true } })), ct);
        string body = await response.Content.ReadAsStringAsync(ct);
        var took = Stopwatch.GetElapsedTime(started);
        if (response.StatusCode != HttpStatusCode.OK) return new(response.StatusCode, "", false, body, new HashSet<string>(), true, false, took);
        var streamed = new List<string>();
        if (stream)
        {
            string answer = "";
            foreach (string part in body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
            {
                string[] lines = part.Split('\n');
                string data = lines[1]["data: ".Length..];
                if (lines[0] == "event: sentence") streamed.Add(JsonDocument.Parse(data).RootElement.GetProperty("text").GetString()!);
                else if (lines[0] == "event: answer") answer = data;
            }
            if (answer.Length == 0) return new(response.StatusCode, "cut", false, body, new HashSet<string>(), false, false, took);
            body = answer;
        }
        using var json = JsonDocument.Parse(body);
        var root = json.RootElement;
        var sentences = root.GetProperty("sentences").EnumerateArray().Select(s => s.GetProperty("text").GetString()!).ToList();
        return new(
            response.StatusCode, root.GetProperty("outcome").GetString()!, root.GetProperty("degraded").GetBoolean(), root.GetProperty("answer").GetString()!,
            root.GetProperty("sources").EnumerateArray().Select(s => s.GetProperty("quote").GetString()!).ToHashSet(), !stream || streamed.SequenceEqual(sentences), root.TryGetProperty("generation", out var made) && made.GetProperty("mode").GetString() != GenerationOptions.Extractive, took);
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
}
