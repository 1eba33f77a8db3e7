using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Rag.Testing;

namespace Rag.Bench.Verify.Models;

/// <summary>Programs that know OpenAI's interface or the Model Context Protocol ask unchanged, and are told in their own terms what is wrong.</summary>
internal static class ClientChecks
{
    private const int Malformed = 5_000, QuickMalformed = 300;
    private const string Sentence = "Herons stand in shallow water.";

    private static readonly string[] Routes = ["/v1/chat/completions", "/v1/embeddings", "/v1/models/no-such-collection"];

    public static IEnumerable<Check> All()
    {
        yield return new("clients", "basic calls of the official clients that do not give what they should, and malformed or oversized requests that do not get OpenAI's envelope", Relation.AtMost, 0, MeasureAsync);
    }

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        if (!NpmFolder.IsInstalled) throw new CannotMeasureException("Node or npm is not installed");
        string folder = Directory.CreateTempSubdirectory("rag-clients-").FullName;
        try
        {
            await using var server = ServerProcess.StartRag(Path.Combine(folder, "data"), []);
            await server.WaitReadyAsync(ct);
            using (var put = await server.Http.PostAsJsonAsync("/v1/collections/birds/documents", new { documents = new[] { new { uri = "heron.txt", text = Sentence + " They wait for fish. 😀" }, new { uri = "owl.txt", text = "Owls hunt at night." } } }, ct)) put.EnsureSuccessStatusCode();
            long position = 0;
            while (position == 0)
            {
                using var asked = await server.Http.PostAsJsonAsync("/v1/ask", new { question = "Where do herons stand?", collection = "birds" }, ct);
                if (asked.IsSuccessStatusCode && (await asked.Content.ReadFromJsonAsync<JsonElement>(ct)).GetProperty("outcome").GetString() == "answered") position = 1;
                else await Task.Delay(200, ct);
            }
            var wrong = new List<string>();
            var r = await OfficialClients.CallAsync(server.Http.BaseAddress!, "birds", null, ct);
            int calls = Compare(r, wrong);
            int seed = Environment.TickCount, sent = context.Quick ? QuickMalformed : Malformed;
            var random = new Random(seed);
            for (int i = 0; i < sent; i++)
                if (await MalformedAsync(server.Http, random, ct) is { } why) wrong.Add(why);
            string note = $"{calls} values of the clients from npm compared; {sent} malformed requests, seed {seed}";
            if (context.Quick) note += $"; smaller: {sent} of {Malformed} requests";
            return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join("; ", wrong.Take(5))}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static int Compare(JsonElement r, List<string> wrong)
    {
        int compared = 0;
        string content = Text("content");
        Expect("content", content.StartsWith(Sentence + " [1]", StringComparison.Ordinal));
        Expect("streamed", Text("streamed") == content);
        Expect("helper", Text("helper") == content);
        Expect("finish", Text("finish") == "stop" && Text("streamedFinish") == "stop");
        Expect("models", r.GetProperty("models").EnumerateArray().Any(m => m.GetString() == "birds") && Text("model") == "birds");
        Expect("citations", r.GetProperty("citations")[0].GetProperty("text").GetString() == Sentence);
        Expect("usage", r.GetProperty("streamedUsage").GetRawText() == r.GetProperty("usage").GetRawText());
        Expect("embeddings", r.TryGetProperty("dimensions", out var dimensions) && dimensions.EnumerateArray().All(d => d.GetInt32() == 384) && Math.Abs(r.GetProperty("norm").GetDouble() - 1) < 1e-3);
        Expect("errors", r.GetProperty("errors").EnumerateArray().Select(e => e.GetProperty("status").GetInt32()).SequenceEqual([404, 400, 400, 400, 400, 413]) && r.GetProperty("errors").EnumerateArray().All(e => e.GetProperty("type").GetString() == "invalid_request_error"));
        Expect("tools", r.GetProperty("tools").EnumerateArray().Select(t => t.GetString()).SequenceEqual(["ask", "fetch", "search"]));
        Expect("search", r.GetProperty("found")[0].GetProperty("text").GetString()!.Contains("Herons", StringComparison.Ordinal));
        Expect("fetch", r.GetProperty("fetched").GetProperty("text").GetString()!.StartsWith(Sentence, StringComparison.Ordinal) && r.GetProperty("fetched").GetProperty("id").GetString() == r.GetProperty("found")[0].GetProperty("id").GetString());
        Expect("ask", r.GetProperty("asked").GetProperty("outcome").GetString() == "answered");
        Expect("tool error", r.GetProperty("failed").GetProperty("isError").GetBoolean());
        return compared;

        string Text(string name) => r.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";

        void Expect(string what, bool holds)
        {
            compared++;
            if (!holds) wrong.Add($"{what} is not as it should be");
        }
    }

    private static async Task<string?> MalformedAsync(HttpClient http, Random random, CancellationToken ct)
    {
        string route = Routes[random.Next(Routes.Length)];
        byte[] body = Body(random);
        using var request = route.Contains("models", StringComparison.Ordinal) ? new HttpRequestMessage(HttpMethod.Get, route) : new HttpRequestMessage(HttpMethod.Post, route) { Content = new ByteArrayContent(body) };
        // Who sends too much without asking first may find the connection closed before they could read why.
        request.Headers.ExpectContinue = body.Length > 1_048_576;
        if (request.Content is { } content) content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await http.SendAsync(request, ct);
        string text = await response.Content.ReadAsStringAsync(ct);
        try
        {
            var error = JsonDocument.Parse(text).RootElement.GetProperty("error");
            if ((int)response.StatusCode is >= 400 and < 500 && error.GetProperty("message").GetString()!.Length > 0 && error.GetProperty("type").GetString()!.Length > 0 && error.TryGetProperty("param", out _) && error.TryGetProperty("code", out _)) return null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            // Told below.
        }
        return $"{route} answered {(int)response.StatusCode} to {Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(body.Length, 120)))}: {text[..Math.Min(text.Length, 120)]}";
    }

    /// <summary>Nothing of it can be answered.</summary>
    private static byte[] Body(Random random)
    {
        string valid = """{"model":"birds","messages":[{"role":"user","content":"Where do herons stand?"}],"input":["a"],"stream":false}""";
        switch (random.Next(7))
        {
            case 0:
                return Encoding.UTF8.GetBytes(valid[..random.Next(valid.Length)]);
            case 1:
                byte[] noise = new byte[random.Next(1, 400)];
                random.NextBytes(noise);
                return noise;
            case 2:
                return Encoding.UTF8.GetBytes(random.Next(5) switch { 0 => "null", 1 => "[]", 2 => "\"text\"", 3 => "42", _ => "{}" });
            case 3:
                return Encoding.UTF8.GetBytes(valid.Replace("\"birds\"", random.Next(4) switch { 0 => "7", 1 => "null", 2 => "[]", _ => "\"none-such\"" }, StringComparison.Ordinal));
            case 4:
                return Encoding.UTF8.GetBytes(valid.Replace("\"user\"", "\"tool\"", StringComparison.Ordinal).Replace("[\"a\"]", random.Next(3) switch { 0 => "[1,2]", 1 => "{}", _ => "[]" }, StringComparison.Ordinal).Replace("birds", "none-such", StringComparison.Ordinal));
            case 5:
                return Encoding.UTF8.GetBytes($$"""{"model":"none-such","messages":{{string.Concat(Enumerable.Repeat("[", random.Next(60, 3_000)))}}""");
            default:
                return Encoding.UTF8.GetBytes($$"""{"model":"none-such","messages":[{"role":"user","content":"{{new string('x', random.Next(1_050_000, 1_200_000))}}"}]}""");
        }
    }
}
