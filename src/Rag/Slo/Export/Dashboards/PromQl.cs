using System.Text.RegularExpressions;

namespace Rag.Slo.Export.Dashboards;

/// <summary>As much of PromQL as is needed to say which metrics a query names.</summary>
internal static partial class PromQl
{
    private static readonly HashSet<string> Words = ["and", "or", "unless", "bool", "offset", "inf", "nan"];

    /// <summary>Names of the metrics that a query reads, each once, histograms with their suffix.</summary>
    public static IReadOnlyList<string> Metrics(string expr)
    {
        string bare = Strings().Replace(expr, "");
        bare = Grouping().Replace(Inner().Replace(bare, " "), " ");
        return [.. Name().Matches(bare).Select(m => m.Value).Where(n => !Words.Contains(n.ToLowerInvariant())).Distinct()];
    }

    /// <summary>The query as Prometheus alone can run it: every variable stands for whatever there is.</summary>
    public static string Plain(string expr) => Variable().Replace(
        expr.Replace("$__rate_interval", "1m", StringComparison.Ordinal).Replace("$__range", "1h", StringComparison.Ordinal), ".*");

    [GeneratedRegex("\"(?:[^\"\\\\]|\\\\.)*\"")]
    private static partial Regex Strings();

    /// <summary>Label matchers and ranges.</summary>
    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]")]
    private static partial Regex Inner();

    [GeneratedRegex(@"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")]
    private static partial Regex Grouping();

    /// <summary>A name that is no function: no parenthesis follows it. Numbers such as 1e3 are none.</summary>
    [GeneratedRegex(@"(?<![\w:.])[A-Za-z_:][\w:]*\b(?!\s*\()")]
    private static partial Regex Name();

    [GeneratedRegex(@"\$(?:\w+|\{\w+(?::\w+)?\})")]
    private static partial Regex Variable();
}
