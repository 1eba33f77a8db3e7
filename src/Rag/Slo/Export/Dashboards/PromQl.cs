using System.Globalization;
using System.Text.RegularExpressions;

namespace Rag.Slo.Export.Dashboards;

/// <summary>As much of PromQL as is needed to say what a query reads.</summary>
internal static partial class PromQl
{
    private static readonly HashSet<string> Words = ["and", "or", "unless", "bool", "offset", "inf", "nan"];

    /// <summary>Names of the metrics that a query reads, each once, histograms with their suffix.</summary>
    public static IReadOnlyList<string> Metrics(string expr) => [.. Selectors(expr).Select(s => s.Split('{')[0]).Distinct()];

    /// <summary>What a query reads, each once, without ranges: <c>up{job="x"}</c>.</summary>
    public static IReadOnlyList<string> Selectors(string expr)
    {
        // What a string holds looks like anything: a number stands for it meanwhile.
        var strings = new List<string>();
        string bare = Strings().Replace(expr, m =>
        {
            strings.Add(m.Value);
            return $"\"{strings.Count - 1}\"";
        });
        bare = Grouping().Replace(Range().Replace(bare, " "), " ");
        return [.. Selector().Matches(bare).Where(m => !Words.Contains(m.Value.ToLowerInvariant())).Select(m => Number().Replace(m.Value, n => strings[int.Parse(n.ValueSpan[1..^1], CultureInfo.InvariantCulture)])).Distinct()];
    }

    /// <summary>The query as Prometheus alone can run it: every variable stands for whatever there is.</summary>
    public static string Plain(string expr) => Variable().Replace(
        expr.Replace("$__rate_interval", "1m", StringComparison.Ordinal).Replace("$__range", "1h", StringComparison.Ordinal), ".*");

    [GeneratedRegex("\"(?:[^\"\\\\]|\\\\.)*\"")]
    private static partial Regex Strings();

    [GeneratedRegex("\"[0-9]+\"")]
    private static partial Regex Number();

    [GeneratedRegex(@"\[[^\]]*\]")]
    private static partial Regex Range();

    [GeneratedRegex(@"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")]
    private static partial Regex Grouping();

    /// <summary>A name that is no function, for no parenthesis follows it, with its matchers. Numbers such as 1e3 are none.</summary>
    [GeneratedRegex(@"(?<![\w:.])[A-Za-z_:][\w:]*\b(?!\s*\()(?:\{[^}]*\})?")]
    private static partial Regex Selector();

    [GeneratedRegex(@"\$(?:\w+|\{\w+(?::\w+)?\})")]
    private static partial Regex Variable();
}
