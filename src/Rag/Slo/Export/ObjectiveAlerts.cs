using System.Globalization;

namespace Rag.Slo.Export;

/// <summary>Alerts on the error budgets, and on the objective that has none.</summary>
internal static class ObjectiveAlerts
{
    /// <summary>
    /// Bad events that the long window must hold. One failure among few requests is a large share and no reason to wake anybody;
    /// at 0.04 requests/s a total outage has so many after two minutes.
    /// </summary>
    private const int MinBadEvents = 5;

    /// <summary>More where slowness is bad: the first questions of a process that has just started are slow.</summary>
    private const int MinSlowEvents = 20;

    /// <summary>Questions within half an hour below which a hit rate says nothing.</summary>
    private const int MinCacheRequests = 100;

    private const string CacheWindow = "30m";

    /// <summary>Bad events in the long window below which a burn rate says nothing.</summary>
    public static int MinBad(Objective objective) => objective == Objectives.Latency ? MinSlowEvents : MinBadEvents;

    public static IEnumerable<AlertRule> All() =>
        Objectives.All.SelectMany(o => Objectives.BurnRatesOf(o).Select(b => Burns(o, b))).Append(CacheHitRateLow());

    /// <summary>The alerts of one severity share a name, so that one notification tells of both windows.</summary>
    /// <exception cref="ArgumentException">It could never fire, because nothing is worse than everything being bad.</exception>
    public static AlertRule Burns(Objective objective, BurnRate burn)
    {
        if (burn.Factor * objective.Budget > 1)
            throw new ArgumentException($"{objective.Name} can never burn {burn.Factor} times as fast as its budget of {objective.Budget:P0} lasts.", nameof(burn));
        string family = $"{char.ToUpperInvariant(objective.Name[0])}{objective.Name[1..]}Burn";
        string selector = $"{{objective=\"{objective.Name}\"}}";
        string bound = $"{Yaml.Number(burn.Factor)} * {Yaml.Number(objective.Budget)}";
        return new(
            $"{family}{(burn.Severity == Severity.Page ? "Fast" : "Slow")}", burn.Severity, "",
            $"""
            {CountRules.BadShare(burn.Short)}{selector} > {bound}
            and {CountRules.BadShare(burn.Long)}{selector} > {bound}
            and {CountRules.Bad(burn.Long)}{selector} >= {MinBad(objective)}
            """,
            $"{objective.Title}: the error budget burns {(burn.Factor > 1 ? $"more than {Yaml.Number(burn.Factor)} times as fast as" : "faster than")} it may",
            $"{{{{ $value | humanizePercentage }}}} of the last {burn.Short} were bad; {Percent(objective.Budget)} may be " +
            $"({objective.Promise}: {char.ToLowerInvariant(objective.Description[0])}{objective.Description[1..]}). " +
            $"Lasting {burn.Long}, this uses {Percent(burn.BudgetShare)} of the error budget of {Objectives.WindowDays} days.")
        {
            Section = family,
            Labels = [("objective", objective.Name), ("window", burn.Long)],
        };
    }

    private static AlertRule CacheHitRateLow()
    {
        var cache = Objectives.Cache;
        string selector = $"{{objective=\"{cache.Name}\"}}";
        return new(
            "CacheHitRateLow", Severity.Ticket, CacheWindow,
            $"""
            1 - {CountRules.BadShare(CacheWindow)}{selector} < {Yaml.Number(cache.Target)}
            and {CountRules.All(CacheWindow)}{selector} >= {MinCacheRequests}
            """,
            $"The cache answers fewer than {Percent(cache.Target)} of the questions",
            $"The cache answered {{{{ $value | humanizePercentage }}}} of the questions of the last {CacheWindow}, and has been below {Percent(cache.Target)} for {CacheWindow} (objective: {cache.Promise}).")
        {
            Labels = [("objective", cache.Name)],
        };
    }

    private static string Percent(double share) => (share * 100).ToString("0.##", CultureInfo.InvariantCulture) + "%";
}
