using System.Globalization;
using Microsoft.Playwright;
using Rag.Testing.Console;

namespace Rag.Bench.Verify.Console;

/// <summary>
/// First contentful paint (Paint Timing, W3C) of each page of the real <c>rag serve</c> against that of a Razor page of one heading and
/// one paragraph from bare Kestrel: the same browser, in turns, each server a process of its own that was asked before. With the
/// browser's cache as somebody has it who was here before, and without any.
/// </summary>
internal static class FirstPaintCheck
{
    private const int Rounds = 21, QuickRounds = 3, WarmUp = 3;

    private const string Paint = """
        () => new Promise((done, fail) => {
          new PerformanceObserver(list => { for (const e of list.getEntries()) if (e.name === "first-contentful-paint") done(e.startTime); }).observe({ type: "paint", buffered: true });
          setTimeout(() => fail(new Error("nothing was painted")), 10000);
        })
        """;

    private sealed record Page(string Name, double Ours, double Bare)
    {
        public double Ratio => Ours / Bare;
    }

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        var world = await context.ConsoleAsync();
        var site = await world.SiteAsync(ConsoleEngines.Sqlite, ct);
        await using var bare = ServerProcess.StartBareRazor();
        await bare.WaitReadyAsync(ct);
        string bareUrl = bare.Http.BaseAddress!.ToString();
        int rounds = context.Quick ? QuickRounds : Rounds;
        var worst = new List<Page>();
        var notes = new List<string>();
        foreach (bool cached in new[] { true, false })
        {
            var pages = new List<Page>();
            foreach (var page in ConsoleChecks.Pages(context))
            {
                ct.ThrowIfCancellationRequested();
                pages.Add(await CompareAsync(world, page.Name, await site.UrlAsync(page), bareUrl, cached, rounds));
            }
            var slowest = pages.MaxBy(p => p.Ratio)!;
            worst.Add(slowest);
            notes.Add(string.Create(CultureInfo.InvariantCulture, $"{(cached ? "cached" : "not cached")}: {slowest.Name} {slowest.Ours:F1} ms against {slowest.Bare:F1} ms, pages from {pages.Min(p => p.Ratio):F2} to {slowest.Ratio:F2}, median {BenchResult.Median(pages.Select(p => p.Ratio)):F2} times"));
        }
        string note = $"{string.Join("; ", notes)}; {ConsoleChecks.Pages(context).Count} pages, median of {rounds} loads of each";
        return new(BenchResult.Round(worst.Max(p => p.Ratio)), context.Quick ? note + ConsoleChecks.Fewer(context) + $", {QuickRounds} of {Rounds} loads" : note);
    }

    private static async Task<Page> CompareAsync(ConsoleWorld world, string name, string url, string bareUrl, bool cached, int rounds)
    {
        await using var visit = await world.VisitAsync();
        var devtools = await visit.Page.Context.NewCDPSessionAsync(visit.Page);
        await devtools.SendAsync("Network.enable");
        await devtools.SendAsync("Network.setCacheDisabled", new() { ["cacheDisabled"] = !cached });
        var (ours, bare) = (new List<double>(), new List<double>());
        for (int round = -WarmUp; round < rounds; round++)
        {
            // Every other round begins with the other.
            foreach (bool mine in round % 2 == 0 ? new[] { true, false } : [false, true])
            {
                double ms = await LoadAsync(visit.Page, mine ? url : bareUrl);
                if (round >= 0) (mine ? ours : bare).Add(ms);
            }
        }
        return new(name, BenchResult.Median(ours), BenchResult.Median(bare));
    }

    private static async Task<double> LoadAsync(IPage page, string url)
    {
        await page.GotoAsync(url);
        return await page.EvaluateAsync<double>(Paint);
    }
}
