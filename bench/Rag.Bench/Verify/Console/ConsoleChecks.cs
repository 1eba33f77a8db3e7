using Rag.Testing;
using Rag.Testing.Console;

namespace Rag.Bench.Verify.Console;

/// <summary>The console as people meet it: the real <c>rag serve</c> on both engines, and a real browser.</summary>
internal static class ConsoleChecks
{
    private const int EveryQuick = 7;

    public static IEnumerable<Check> All()
    {
        yield return new("pages", "violations on any page, on both engines: axe (WCAG 2.2 AA) in light and dark, errors on the browser's console, layout that shifts, sideways scrolling at 360 to 3,840 pixels, words missing with scripts off", Relation.AtMost, 0, PagesCheck.MeasureAsync);
        yield return new("origin", "requests that leave the origin, content policies with a hole, inline scripts and styles, cookies that scripts or other sites get", Relation.AtMost, 0, OriginCheck.MeasureAsync);
        yield return new("script", "bytes of all scripts of all pages together, uncompressed", Relation.AtMost, 40_000, ScriptCheck.MeasureAsync);
        yield return new("first-paint", "first contentful paint of the slowest page against a bare Razor page in the same run, with a full and an empty browser cache", Relation.AtMost, 2, FirstPaintCheck.MeasureAsync);
        yield return new("flows", "steps that failed of what people do on the console, on both engines: ask and ask on, cite, rate, share; add, change, compare and delete documents; incidents, runbook, read-only mode, backups, audit; by keyboard alone", Relation.AtMost, 0, FlowsCheck.MeasureAsync);
        yield return new("restart", "pages that ended wrong whose replica was killed with -9 in the middle of a streamed answer, on both engines: neither a whole answer nor an error to try again within 30 s, or not live again", Relation.AtMost, 0, StreamRestartCheck.MeasureAsync);
        yield return new("live", "cached questions a second of one replica with 500 consoles open and live on it, against none, in the same run", Relation.AtLeast, 0.9, LiveCheck.MeasureAsync);
        yield return new("screenshots", "pictures of pages that the manual lacks, at the width of a desktop and of a phone", Relation.AtMost, 0, (_, _) =>
            Task.FromResult(Counted(ConsoleManual.Differences(LocalCluster.Root()), $"{ConsolePages.All.Count} pages, {string.Join(" and ", ConsoleManual.Sizes.Select(s => $"{s.Width} pixels"))}")));
    }

    /// <summary>The pages that a run looks at: all, or a few from all over the console.</summary>
    public static IReadOnlyList<ConsolePage> Pages(CheckContext context) => context.Quick ? [.. ConsolePages.All.Where((_, i) => i % EveryQuick == 3)] : ConsolePages.All;

    /// <summary>How a quick run is smaller.</summary>
    public static string Fewer(CheckContext context) => context.Quick ? $"; smaller: {Pages(context).Count} of {ConsolePages.All.Count} pages" : "";

    /// <summary>A figure that counts what is wrong, with the first of it named.</summary>
    public static Measured Counted(IReadOnlyList<string> wrong, string note) => new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join("; ", wrong.Take(12))}");
}
