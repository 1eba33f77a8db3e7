using Microsoft.Playwright;
using Rag.Testing.Console;

namespace Rag.Bench.Verify.Console;

internal static class PagesCheck
{
    private const int Narrow = 360, Usual = 1280;
    private static readonly int[] Widths = [Narrow, 768, Usual, 3840];

    /// <summary>What somebody reads, without what only scripts can do.</summary>
    private const string Words = """
        hidden => {
          const main = document.querySelector("main");
          for (const part of main.querySelectorAll([".scripted", "noscript", "time[data-deadline]", ...hidden].join(", "))) part.remove();
          return main.innerText.split(/\s+/).filter(Boolean).join(" ");
        }
        """;

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        var world = await context.ConsoleAsync();
        var engines = context.Quick ? [ConsoleEngines.Sqlite] : ConsoleEngines.All;
        var wrong = new List<string>();
        foreach (string engine in engines)
        {
            var site = await world.SiteAsync(engine, ct);
            foreach (var page in ConsoleChecks.Pages(context))
            {
                ct.ThrowIfCancellationRequested();
                wrong.AddRange((await LookAsync(world, page, await site.UrlAsync(page))).Select(w => $"{engine}, {page.Name}: {w}"));
            }
        }
        string note = $"{ConsoleChecks.Pages(context).Count} pages on {string.Join(" and ", engines)}, at {string.Join(", ", Widths)} pixels";
        return ConsoleChecks.Counted(wrong, context.Quick ? note + ConsoleChecks.Fewer(context) + ", one engine of two" : note);
    }

    private static async Task<IReadOnlyList<string>> LookAsync(ConsoleWorld world, ConsolePage page, string url)
    {
        var wrong = new List<string>();
        await using (var plain = await world.VisitAsync(Narrow, o => o.JavaScriptEnabled = false))
        await using (var visit = await world.VisitAsync(Narrow))
        {
            var response = (await plain.Page.GotoAsync(url))!;
            // What comes hidden is there for scripts to show.
            string[] hidden = await plain.Page.EvaluateAsync<string[]>("() => [...document.querySelectorAll('main [hidden][id]')].map(part => '#' + part.id)");
            string without = await plain.Page.EvaluateAsync<string>(Words, hidden);
            // The very same response, or what happened meanwhile would be taken for what scripts do.
            var headers = (await response.AllHeadersAsync()).Where(h => h.Key is "content-type" or "content-security-policy");
            byte[] body = await response.BodyAsync();
            await visit.Page.RouteAsync("**/*", route => route.Request.IsNavigationRequest
                ? route.FulfillAsync(new() { Status = response.Status, Headers = headers, BodyBytes = body }) : route.ContinueAsync());
            await LoadAsync(visit.Page, Narrow);
            string with = await visit.Page.EvaluateAsync<string>(Words, hidden);
            if (with != without) wrong.Add($"with scripts off other words: {Difference(with, without)}");
        }
        await using (var visit = await world.VisitAsync(Usual))
        {
            await LoadAsync(visit.Page, Usual);
            await page.OpenAsync(visit.Page);
            wrong.AddRange(await PageRules.ViolationsAsync(visit.Page));
            foreach (int width in Widths)
            {
                await visit.Page.SetViewportSizeAsync(width, 800);
                if (await PageRules.SidewaysAsync(visit.Page) is > 0 and int sideways) wrong.Add($"scrolls sideways by {sideways} at {width}");
            }
            // That a page came with an error's status is told there, too.
            wrong.AddRange(visit.Complaints.Where(c => page.Status < 400 || !c.Contains($"status of {page.Status}", StringComparison.Ordinal)).Select(c => $"on the browser's console: {c}"));
        }
        return wrong;

        async Task LoadAsync(IPage at, int width)
        {
            var response = await at.GotoAsync(url);
            if (response!.Status != page.Status) wrong.Add($"status {response.Status}");
            wrong.AddRange((await PageRules.ShiftsAsync(at)).Select(shift => $"layout shifts at {width}: {shift}"));
        }
    }

    /// <summary>Where two texts begin to differ.</summary>
    private static string Difference(string a, string b)
    {
        int at = 0;
        while (at < a.Length && at < b.Length && a[at] == b[at]) at++;
        string From(string text) => text.Substring(Math.Max(0, at - 15), Math.Min(60, text.Length - Math.Max(0, at - 15)));
        return $"“{From(a)}” became “{From(b)}”";
    }
}
