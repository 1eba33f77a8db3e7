using Rag.Foundation;

namespace Rag.Slo.Export;

/// <summary>
/// Recording rules: all events and bad events of each objective over each window, and the share of the bad. Series have one
/// label, <c>objective</c>.
/// </summary>
internal static class CountRules
{
    /// <summary>What longer windows are summed from: counts, because a mean of shares gives a quiet hour the weight of a busy one.</summary>
    private const string Step = "5m";

    /// <summary>
    /// Windows up to this read the counters themselves. Longer ones would read each series of each replica for days at every
    /// evaluation; they sum up one recorded series per objective, and are late by one step at most.
    /// </summary>
    private static readonly TimeSpan Direct = TimeSpan.FromHours(1);

    /// <summary>Every window in use, shortest first: those of the burn rates, and the one that the budget is for.</summary>
    public static readonly IReadOnlyList<string> Windows =
        [.. Objectives.BurnRates.SelectMany(b => new[] { b.Short, b.Long }).Append($"{Objectives.WindowDays}d").Distinct().OrderBy(Length)];

    /// <summary>Number of events within a window.</summary>
    public static string All(string window) => $"rag:slo_all:increase{window}";

    /// <summary>Number of bad events within a window.</summary>
    public static string Bad(string window) => $"rag:slo_bad:increase{window}";

    /// <summary>Bad events of all events within a window, 0 to 1; no series where there were no events.</summary>
    public static string BadShare(string window) => $"rag:slo_bad:ratio{window}";

    /// <summary>The length of a window as Prometheus writes it: a number and one of m, h, d.</summary>
    public static TimeSpan Length(string window) => Durations.Parse(window, "a window", TimeSpan.FromMinutes(1), TimeSpan.FromDays(Objectives.WindowDays));

    /// <summary>Items of a group's <c>rules</c>, at column 0, in an order in which each finds what it reads.</summary>
    public static IEnumerable<string> ToYaml()
    {
        foreach (string window in Windows.Where(w => Length(w) <= Direct))
            foreach (var objective in Objectives.All)
            {
                yield return Rule(All(window), objective.TotalOver(window), objective);
                yield return Rule(Bad(window), objective.BadOver(window), objective);
            }
        foreach (string window in Windows.Where(w => Length(w) > Direct))
        {
            yield return Rule(All(window), Summed(All(Step), window));
            yield return Rule(Bad(window), Summed(Bad(Step), window));
        }
        foreach (string window in Windows) yield return Rule(BadShare(window), $"{Bad(window)} / ({All(window)} > 0)");
    }

    /// <summary>Steps lie on whole multiples of their length; until the first of them, the count of one step is all there is.</summary>
    private static string Summed(string counts, string window) => $"sum_over_time({counts}[{window}:{Step}]) or {counts}";

    private static string Rule(string name, string expr, Objective? objective = null)
    {
        string rule = $"- record: {name}\n  expr: |-\n{Yaml.Indented(expr, 4)}";
        return objective is null ? rule : $"{rule}\n  labels:\n    objective: {objective.Name}";
    }
}
