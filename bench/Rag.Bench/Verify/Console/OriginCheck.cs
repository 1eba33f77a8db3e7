using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using AngleSharp.Html.Parser;
using Microsoft.Playwright;
using Rag.Testing.Console;

namespace Rag.Bench.Verify.Console;

internal static class OriginCheck
{
    private const float SettleMs = 500;

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        var world = await context.ConsoleAsync();
        var site = await world.SiteAsync(ConsoleEngines.Sqlite, ct);
        var wrong = new List<string>();
        int requests = 0;
        var cookies = new HashSet<string>();
        foreach (var page in ConsoleChecks.Pages(context))
        {
            ct.ThrowIfCancellationRequested();
            string url = await site.UrlAsync(page), origin = new Uri(url).GetLeftPart(UriPartial.Authority) + "/";
            await using var visit = await world.VisitAsync();
            var asked = new ConcurrentQueue<string>();
            visit.Page.Context.Request += (_, request) => asked.Enqueue(request.Url);
            visit.Page.WebSocket += (_, socket) => asked.Enqueue(socket.Url);
            var response = (await visit.Page.GotoAsync(url))!;
            wrong.AddRange(Policy(await response.HeaderValueAsync("content-security-policy")).Concat(Inline(await response.TextAsync(), await response.HeaderValueAsync("content-security-policy") ?? "")).Select(w => $"{page.Name}: {w}"));
            await page.OpenAsync(visit.Page);
            await visit.Page.WaitForTimeoutAsync(SettleMs);
            wrong.AddRange(asked.Where(a => !a.StartsWith(origin, StringComparison.Ordinal)).Select(a => $"{page.Name} asks for {a}"));
            requests += asked.Count;
            foreach (var cookie in await visit.Page.Context.CookiesAsync())
            {
                cookies.Add(cookie.Name);
                if (!cookie.HttpOnly) wrong.Add($"{page.Name}: scripts can read the cookie {cookie.Name}");
                if (cookie.SameSite is not (SameSiteAttribute.Strict or SameSiteAttribute.Lax)) wrong.Add($"{page.Name}: other sites send the cookie {cookie.Name}");
            }
        }
        if (cookies.Count == 0) throw new InvalidOperationException("No page set a cookie; forms need one.");
        return ConsoleChecks.Counted(wrong, $"{requests} requests of {ConsoleChecks.Pages(context).Count} pages; cookies: {string.Join(", ", cookies.Order(StringComparer.Ordinal))}; the description of the HTTP interface at /docs is a library's page and none of these{ConsoleChecks.Fewer(context)}");
    }

    /// <summary>What a content policy (Content Security Policy Level 3) lets through that it must not.</summary>
    private static IEnumerable<string> Policy(string? policy)
    {
        if (policy is null) return ["no content policy"];
        var directives = policy.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(d => d.Split(' ')).ToDictionary(d => d[0], d => d[1..]);
        var wrong = new List<string>();
        if (!directives.TryGetValue("default-src", out var rest) || rest is not ["'none'"]) wrong.Add("default-src is not 'none'");
        foreach (string must in (string[])["base-uri", "form-action", "frame-ancestors"])
            if (!directives.TryGetValue(must, out var sources) || sources is not (["'none'"] or ["'self'"])) wrong.Add($"{must} is open");
        foreach (var (name, sources) in directives)
            wrong.AddRange(sources.Where(s => s is not ("'none'" or "'self'") && !(name == "style-src" && s.StartsWith("'sha256-", StringComparison.Ordinal))).Select(s => $"{name} allows {s}"));
        return wrong;
    }

    /// <summary>What a page of the server has in it that only a policy with a hole would run.</summary>
    private static IEnumerable<string> Inline(string html, string policy)
    {
        using var document = new HtmlParser().ParseDocument(html);
        foreach (var element in document.All)
        {
            if (element.LocalName == "script" && !element.HasAttribute("src")) yield return "an inline script";
            if (element.LocalName == "style" && !policy.Contains(Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(element.TextContent))), StringComparison.Ordinal)) yield return "an inline style sheet whose hash the policy does not name";
            foreach (var attribute in element.Attributes)
                if (attribute.Name == "style" || attribute.Name.StartsWith("on", StringComparison.Ordinal) || attribute.Value.TrimStart().StartsWith("javascript:", StringComparison.OrdinalIgnoreCase)) yield return $"<{element.LocalName} {attribute.Name}=…>";
        }
    }
}
