using System.Text.RegularExpressions;
using AngleSharp.Html.Parser;
using Rag.Testing.Console;

namespace Rag.Bench.Verify.Console;

/// <summary>Every script that any page loads, and whatever these import.</summary>
internal static partial class ScriptCheck
{
    [GeneratedRegex("""\b(?:import|from)\s*\(?\s*["']([^"']+)["']""")]
    private static partial Regex Import { get; }

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        var site = await (await context.ConsoleAsync()).SiteAsync(ConsoleEngines.Sqlite, ct);
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        var sizes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var page in ConsolePages.All)
        {
            var url = new Uri(await site.UrlAsync(page));
            using var response = await http.GetAsync(url, ct);
            using var document = new HtmlParser().ParseDocument(await response.Content.ReadAsStringAsync(ct));
            foreach (var script in document.QuerySelectorAll("script"))
                if (script.GetAttribute("src") is { } source) await FollowAsync(new(url, source));
                else sizes[$"inline on {page.Name}"] = System.Text.Encoding.UTF8.GetByteCount(script.TextContent);
        }
        if (sizes.Count == 0) throw new InvalidOperationException("No page has a script.");
        return new(sizes.Values.Sum(), string.Join(", ", sizes.Select(s => $"{s.Key} {s.Value}")));

        async Task FollowAsync(Uri script)
        {
            if (!sizes.TryAdd(script.AbsolutePath, 0)) return;
            byte[] bytes = await http.GetByteArrayAsync(script, ct);
            sizes[script.AbsolutePath] = bytes.Length;
            foreach (Match import in Import.Matches(System.Text.Encoding.UTF8.GetString(bytes))) await FollowAsync(new(script, import.Groups[1].Value));
        }
    }
}
