using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Rag.Testing;

namespace Rag.Bench.Verify.Protect;

/// <summary>
/// Attacks against the running server, at every route of its own description and at every page: in the path, the query, headers,
/// JSON, forms and names of files. Looks whether anything was run, reflected or given away, and whether the server broke.
/// </summary>
internal static partial class HarmlessCheck
{
    private const int PerRoute = 60, QuickPerRoute = 4, MaxBodyChars = 4_000_000;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>What takes its time on purpose, or takes the server with it: it is not called over and over.</summary>
    private static readonly string[] Slow = ["/admin/v1/doctor", "/admin/v1/index/rebuild", "/admin/v1/index/verify", "/admin/v1/database/maintain", "/admin/v1/contacts/test"];

    private static readonly string[] Pages = ["/", "/documents", "/documents/{name}", "/documents/{name}/{id}", "/operate", "/incidents", "/incidents/{id}", "/security", "/runbook", "/runbook/{slug}", "/docs", "/livez", "/readyz", "/metrics", "/{anything}"];

    public static IEnumerable<Check> All()
    {
        yield return new("attacks-harmless", "attacks on the running server that were executed, reflected, answered with something of the machine or with a server error, or that held it up", Relation.AtMost, 0, MeasureAsync);
    }

    private sealed record Target(string Method, string Route);

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        string folder = Directory.CreateTempSubdirectory("rag-attacked-").FullName, mark = Path.Combine(folder, "mark");
        await using var inbox = HttpInbox.Start();
        int called = 0;
        inbox.Page = () =>
        {
            Interlocked.Increment(ref called);
            return "";
        };
        try
        {
            await using var server = ServerProcess.StartRag(Path.Combine(folder, "data"), ["Inference:Provider=none"]);
            await server.WaitReadyAsync(ct);
            await PutAsync(server.Http, ct);
            var targets = await TargetsAsync(server.Http, ct);
            int seed = Environment.TickCount;
            var random = new Random(seed);
            var attacks = new AttackCases(seed, heldOut: true).Make(20).Concat(new AttackCases(seed, heldOut: false).Make(20)).Concat(Own(inbox, mark)).Where(a => a.Where != "document").ToList();
            var wrong = new List<string>();
            int sent = 0;
            double slowest = 0;
            foreach (var target in targets)
            {
                int times = context.Quick ? QuickPerRoute : PerRoute;
                for (int n = 0; n < times; n++)
                {
                    var attack = attacks[random.Next(attacks.Count)];
                    string text = attack.Where is "query" ? Decoded(attack.Text) : attack.Text;
                    using var request = Request(target, text, random);
                    long started = Stopwatch.GetTimestamp();
                    try
                    {
                        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
                        limit.CancelAfter(Limit);
                        using var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
                        string body = await response.Content.ReadAsStringAsync(limit.Token);
                        if (Problem(response, body, text) is { } problem) wrong.Add($"{target.Method} {target.Route}: {problem}: {Show(text)}");
                    }
                    catch (OperationCanceledException) when (!ct.IsCancellationRequested)
                    {
                        wrong.Add($"{target.Method} {target.Route}: no answer within {Limit.TotalSeconds:F0} s: {Show(text)}");
                    }
                    catch (HttpRequestException e) when (e.InnerException is IOException)
                    {
                        wrong.Add($"{target.Method} {target.Route}: the connection broke: {Show(text)}");
                    }
                    slowest = Math.Max(slowest, Stopwatch.GetElapsedTime(started).TotalSeconds);
                    sent++;
                }
            }
            if (File.Exists(mark)) wrong.Add("a command was run");
            if (called + inbox.All.Count > 0) wrong.Add($"the server followed {called + inbox.All.Count} addresses");
            using (var alive = await server.Http.GetAsync("/readyz", ct)) if (!alive.IsSuccessStatusCode) wrong.Add($"afterwards /readyz says {(int)alive.StatusCode}");
            string note = string.Create(CultureInfo.InvariantCulture, $"{sent} requests at {targets.Count} routes, seed {seed}; slowest {slowest:F2} s");
            if (context.Quick) note += $"; smaller: {QuickPerRoute} a route of {PerRoute}";
            return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join(" | ", wrong.Take(15))}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What would leave a trace, were it run or followed.</summary>
    private static IEnumerable<AttackCase> Own(HttpInbox inbox, string mark)
    {
        foreach (string command in new[] { $"x; touch {mark}", $"`touch {mark}`", $"$(touch {mark})", $"| touch {mark}", $"x\ntouch {mark}\n" }) yield return new("command injection", "question", command);
        foreach (string address in new[] { $"{inbox.Address}from-the-server", $"<!DOCTYPE r [<!ENTITY x SYSTEM \"{inbox.Address}xxe\">]><r>&x;</r>", $"${{jndi:ldap://127.0.0.1:{inbox.Port}/a}}", $"<img src=\"{inbox.Address}image\">" }) yield return new("remote inclusion", "question", address);
        yield return new("template injection", "question", "{{7919*7907}}");
        yield return new("template injection", "question", "${7919*7907}");
        yield return new("path traversal", "question", "../../../../../../etc/passwd");
        yield return new("path traversal", "question", "..%2f..%2f..%2f..%2fetc%2fpasswd");
    }

    private static string? Problem(HttpResponseMessage response, string body, string attack)
    {
        if (body.Length > MaxBodyChars) body = body[..MaxBodyChars];
        // 503 says that the server has enough to do, or lacks something; it says so in words of its own.
        if ((int)response.StatusCode >= 500 && response.StatusCode != HttpStatusCode.ServiceUnavailable) return $"status {(int)response.StatusCode}";
        if (Trace().IsMatch(body)) return "a stack trace";
        if (Machine().IsMatch(body)) return "something of the machine";
        if (body.Contains("62615533", StringComparison.Ordinal)) return "an expression was worked out";
        if (response.Headers.Location is { IsAbsoluteUri: true } to && to.Host is not ("127.0.0.1" or "localhost")) return $"leads to {to}";
        if (response.Headers.Any(h => h.Value.Any(v => v.Contains('\r') || v.Contains('\n')))) return "a header with a line end";
        if (response.Headers.TryGetValues("Set-Cookie", out var cookies) && cookies.Any(c => !c.StartsWith("rag-", StringComparison.Ordinal) && !c.StartsWith("__Host-rag-", StringComparison.Ordinal))) return "a cookie";
        bool page = response.Content.Headers.ContentType?.MediaType is "text/html" or "image/svg+xml" or "application/xhtml+xml" or "text/xml" or "application/xml";
        if (page && attack.AsSpan().ContainsAny('<', '>', '"') && attack.Contains('<', StringComparison.Ordinal) && body.Contains(attack, StringComparison.Ordinal)) return "reflected as markup";
        if (page && !response.Headers.Contains("Content-Security-Policy")) return "a page without a content policy";
        return response.Content.Headers.ContentType is not null && !response.Headers.TryGetValues("X-Content-Type-Options", out _) && !page && body.Contains(attack, StringComparison.Ordinal) && attack.Contains("<script", StringComparison.OrdinalIgnoreCase)
            && response.Content.Headers.ContentType.MediaType is not ("application/json" or "application/problem+json") ? "markup that a browser may guess at" : null;
    }

    private static HttpRequestMessage Request(Target target, string attack, Random random)
    {
        string path = Parameter().Replace(target.Route, _ => random.Next(3) == 0 ? "default" : Uri.EscapeDataString(attack.Length > 1_500 ? attack[..1_500] : attack));
        if (path == target.Route || random.Next(2) == 0) path += $"?{Names[random.Next(Names.Length)]}={Uri.EscapeDataString(attack)}";
        var request = new HttpRequestMessage(new(target.Method), new Uri(path, UriKind.Relative));
        string header = string.Concat(attack.Where(c => c is >= ' ' and <= '~'));
        if (random.Next(3) == 0) request.Headers.TryAddWithoutValidation(Headers[random.Next(Headers.Length)], header);
        if (target.Method is "GET" or "DELETE") return request;
        request.Content = random.Next(4) switch
        {
            0 => Upload(attack),
            1 => new FormUrlEncodedContent(Names.Select(n => KeyValuePair.Create(n, attack))),
            2 => new StringContent(attack, Encoding.UTF8, "application/json"),
            _ => new StringContent(JsonSerializer.Serialize(Body(attack)), Encoding.UTF8, "application/json"),
        };
        return request;
    }

    /// <summary>The fields that the routes take, each with the attack in it.</summary>
    private static Dictionary<string, object> Body(string attack) => new()
    {
        ["question"] = attack, ["query"] = attack, ["title"] = attack, ["text"] = attack, ["name"] = attack, ["language"] = attack, ["severity"] = attack, ["comment"] = attack, ["rating"] = 1, ["role"] = attack, ["start"] = attack, ["for"] = attack,
        ["note"] = attack, ["collection"] = "default", ["documents"] = new[] { new { uri = attack, text = $"About {attack}", title = attack } },
    };

    private static MultipartFormDataContent Upload(string attack)
    {
        var file = new ByteArrayContent(Encoding.UTF8.GetBytes($"<html><body>{attack}</body></html>"));
        file.Headers.ContentDisposition = new ContentDispositionHeaderValue("form-data") { Name = "\"file\"", FileNameStar = attack.Length > 200 ? attack[..200] : attack };
        return new() { file };
    }

    private static readonly string[] Names = ["q", "collection", "prefix", "after", "limit", "state", "version", "source", "pattern", "caller", "file", "url", "id", "format", "section"];

    private static readonly string[] Headers = ["X-Forwarded-For", "X-Forwarded-Host", "Referer", "User-Agent", "Cookie", "Accept-Language", "X-Original-URL", "Idempotency-Key", "Authorization", "If-None-Match", "Range"];

    private static async Task<IReadOnlyList<Target>> TargetsAsync(HttpClient http, CancellationToken ct)
    {
        using var description = JsonDocument.Parse(await http.GetStringAsync("/openapi/v1.json", ct));
        var routes = description.RootElement.GetProperty("paths").EnumerateObject().SelectMany(p => p.Value.EnumerateObject().Select(m => new Target(m.Name.ToUpperInvariant(), p.Name)));
        return [.. routes.Where(t => !Slow.Contains(t.Route)), .. Pages.Select(p => new Target("GET", p)), new("POST", "/documents/new-collection"), new("POST", "/documents/{name}/upload"), new("POST", "/incidents"), new("POST", "/feedback"), new("POST", "/sign-in")];
    }

    private static async Task PutAsync(HttpClient http, CancellationToken ct)
    {
        using var content = new StringContent(JsonSerializer.Serialize(new { documents = new[] { new { uri = "a.txt", text = "The pump is checked every week." } } }), Encoding.UTF8, "application/json");
        using var response = await http.PostAsync("/v1/collections/default/documents", content, ct);
        response.EnsureSuccessStatusCode();
    }

    private static string Decoded(string text)
    {
        for (int i = 0; i < 2; i++) text = Uri.UnescapeDataString(text);
        return text;
    }

    private static string Show(string attack) => Security.Excerpt.Of(attack);

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"^\s{2,}at [\w.<>`]+\(|\.cs:line \d+|System\.\w+Exception|Npgsql\.|SqliteException", RegexOptions.Multiline)]
    private static partial Regex Trace();

    [GeneratedRegex(@"root:[x*]:0:0:|\[fonts\]|-----BEGIN [A-Z ]*PRIVATE KEY|DOTNET_\w+=|uid=\d+\(")]
    private static partial Regex Machine();
}
