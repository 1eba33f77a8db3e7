using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Rag.Testing.Console;

/// <summary>What holds of every page, looked at in a browser.</summary>
public static class PageRules
{
    /// <summary>WCAG 2.2 AA and the rules of good practice that axe has beside it.</summary>
    public static AxeRunOptions All { get; } = new()
    {
        ResultTypes = [ResultType.Violations],
        RunOnly = new() { Type = "tag", Values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
    };

    /// <summary>The two rules that look at colours: nothing else differs between light and dark.</summary>
    private static AxeRunOptions Colours { get; } = new() { ResultTypes = [ResultType.Violations], RunOnly = new() { Type = "rule", Values = ["color-contrast", "link-in-text-block"] } };

    /// <summary>Violations in light and in dark, each with where; rules that found nothing to look at are one, too: then axe did not run.</summary>
    public static async Task<IReadOnlyList<string>> ViolationsAsync(IPage page)
    {
        var violations = new List<string>();
        foreach (var (scheme, rules, atLeast) in new[] { (ColorScheme.Light, All, 10), (ColorScheme.Dark, Colours, 1) })
        {
            await page.EmulateMediaAsync(new() { ColorScheme = scheme });
            var result = await page.RunAxe(rules);
            violations.AddRange(result.Violations.Select(v => $"{scheme} {v.Id}: {v.Help} — {string.Join("; ", v.Nodes.Select(n => n.Html))}"));
            if (result.Passes.Length < atLeast) violations.Add($"{scheme}: only {result.Passes.Length} rules looked at anything");
        }
        await page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light });
        return violations;
    }

    /// <summary>How far the page can be scrolled sideways, CSS pixels.</summary>
    public static Task<int> SidewaysAsync(IPage page) => page.EvaluateAsync<int>("document.documentElement.scrollWidth - document.documentElement.clientWidth");

    /// <summary>Below it nothing moves that somebody could see: a hundredth of a pixel of one word.</summary>
    private const double Unseen = 0.0001;

    /// <summary>Layout shifts that can be seen since the page began (Layout Instability, WICG), a moment after it was loaded: how far, and of what.</summary>
    public static async Task<IReadOnlyList<string>> ShiftsAsync(IPage page) => await page.EvaluateAsync<string[]>(
        """
        unseen => new Promise(done => {
          const seen = [], name = node => node ? [node.nodeName.toLowerCase(), node.id && "#" + node.id, node.className && "." + node.className].filter(Boolean).join("") : "?";
          new PerformanceObserver(list => {
            for (const e of list.getEntries()) if (e.value > unseen) seen.push(`${e.value.toFixed(5)} of ${e.sources.map(s => name(s.node)).join(", ")}`);
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => done(seen), 300);
        })
        """, Unseen);
}
