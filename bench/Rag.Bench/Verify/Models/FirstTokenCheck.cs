using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Rag.Evaluation;
using Rag.Inference.Generation;
using Rag.Testing.Models;

namespace Rag.Bench.Verify.Models;

/// <summary>
/// A streamed question of the real <c>rag serve</c>, until its first sentence, against the model itself, sent the same bytes by
/// a plain client, until its first piece, which holds that sentence: in pairs, one after the other in turns.
/// </summary>
internal static class FirstTokenCheck
{
    private const int Pairs = 300, QuickPairs = 40, WarmUp = 20;

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        var p95 = new List<double>();
        var notes = new List<string>();
        foreach (string mode in new[] { GenerationOptions.Select, GenerationOptions.Compose })
        {
            var added = await PairsAsync(mode, context.Quick ? QuickPairs : Pairs, ct);
            p95.Add(RankingScores.Percentile(added, 0.95));
            notes.Add($"{mode}: p50 {RankingScores.Percentile(added, 0.5):F1}, p95 {p95[^1]:F1}, most {added.Max():F1} ms of {added.Count} pairs");
        }
        string note = string.Join("; ", notes) + "; questions that no cache knows, with the shipped embedding model; the model takes 20 to 60 ms of its own";
        return new(Math.Round(p95.Max(), 1), context.Quick ? note + $"; smaller: {QuickPairs} of {Pairs} pairs" : note);
    }

    private static async Task<List<double>> PairsAsync(string mode, int pairs, CancellationToken ct)
    {
        await using var model = await ScriptedModel.StartAsync();
        string data = Directory.CreateTempSubdirectory("rag-first-token-").FullName;
        try
        {
            await using var server = ServerProcess.StartRag(data, [.. GenerationChecks.SettingsOf(model, mode)]);
            await server.WaitReadyAsync(ct);
            for (int i = 0; i < 60; i++)
            {
                string text = string.Join(' ', Enumerable.Range(0, 8).Select(s => $"Pump {i} of row {s} stands in hall {i * 7 % 50 + s} and moves {i + s + 10} litres a minute."));
                using var put = await server.Http.PostAsync("/v1/collections/default/documents", Json(JsonSerializer.Serialize(new { uri = $"pump{i}.txt", title = $"Pump {i}", text })), ct);
                put.EnsureSuccessStatusCode();
            }
            // In case some are not found yet, or by their words only: what is measured should be the work of every day.
            await Task.Delay(TimeSpan.FromSeconds(3), ct);
            using var direct = new HttpClient { BaseAddress = new(model.Endpoint + "/") };
            var random = new Random(34);
            var added = new List<double>();
            for (int i = 0; i < pairs + WarmUp; i++)
            {
                var first = TimeSpan.FromMilliseconds(random.Next(20, 60));
                model.Script = call => Reply(call, mode) with { First = first };
                string body = $$$"""{"question":"Where does pump {{{random.Next(60)}}} of row {{{random.Next(8)}}} stand, case {{{i}}}?","stream":true,"options":{"no_cache":true}}""";
                double ours = await TimeAsync(server.Http, "/v1/ask", body, "event: sentence", ct);
                double own = await TimeAsync(direct, "chat/completions", model.Calls.Last().Body, "data: {", ct);
                if (i >= WarmUp) added.Add(ours - own);
                model.Calls.Clear();
            }
            return added;
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    /// <summary>The first piece has all that the first sentence needs.</summary>
    private static ModelReply Reply(ModelCall call, string mode)
    {
        var shown = call.Passages[0];
        return mode == GenerationOptions.Select
            ? new([$"{{\"units\":[{shown.Number},", $"{call.Passages[^1].Number}]}}"]) { Between = TimeSpan.FromMilliseconds(20) }
            : new([$"{shown.Text.TrimEnd('.')} [{shown.Number}]. And ", $"so on [{shown.Number}]."]) { Between = TimeSpan.FromMilliseconds(20) };
    }

    private static async Task<double> TimeAsync(HttpClient client, string path, string body, string awaited, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = Json(body) };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        long started = Stopwatch.GetTimestamp();
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        response.EnsureSuccessStatusCode();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(ct));
        double? ms = null;
        // To the end, so that the connection is there for the next.
        while (await reader.ReadLineAsync(ct) is { } line)
            if (ms is null && line.StartsWith(awaited, StringComparison.Ordinal)) ms = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        return ms ?? throw new InvalidOperationException($"{path} never sent '{awaited}'.");
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
}
