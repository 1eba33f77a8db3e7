using static Rag.Slo.Export.Dashboards.Expr;

namespace Rag.Slo.Export.Dashboards;

/// <summary>The runbook's "System Overview: overall health and performance".</summary>
internal static class SystemOverview
{
    private const string Promises = "Service level objectives (SLOs)", Steps = "First steps in any incident", Scaling = "Scaling guidelines";

    public static Dashboard Make() => new(
        "rag-system-overview", "rag-system / System Overview", "Overall health and performance: the objectives and what is left of their budgets, traffic, replicas and what they depend on.", Routes: true,
        ObjectivesRow(),
        new("Traffic",
            new("Requests by status", "reqps", Steps, new Query(SumBy("status", Rate("http_requests_total", ChosenRoutes)), "{{status}}")),
            new("Share of server errors", "percentunit", Steps,
                new Query(Share(Rate("http_requests_total", ChosenRoutes, ServerErrors), Rate("http_requests_total", ChosenRoutes)), "5xx"))
            {
                Description = "Requests answered with 5xx, of all requests to the chosen routes. The line is the objective.",
                Thresholds = Limits.Below(Budget(Objectives.Errors)),
            },
            new("Time of requests", "s", Steps, Quantiles("http_request_duration_seconds", ChosenRoutes))
            {
                Description = "Time from a request to the end of its response, at the chosen routes. The line is the objective of p95 for questions.",
                Thresholds = Limits.Below(Telemetry.HttpMetrics.FastSeconds),
            },
            new("Requests by route", "reqps", Steps, new Query(SumBy("route", Rate("http_requests_total", ChosenRoutes)), "{{route}}")) { Width = 12 },
            new("p95 by route", "s", Steps, new Query(Quantile(0.95, "http_request_duration_seconds", "route", ChosenRoutes), "{{route}}"))
            {
                Description = "95th percentile of the time from a request to the end of its response.",
                Thresholds = Limits.Below(Telemetry.HttpMetrics.FastSeconds),
                Width = 12,
            }),
        new("Replicas and dependencies",
            new("Replicas up", "short", Scaling, new Query("sum(up{job=~\"$job\"})", "up") { Instant = true })
            {
                Description = "Replicas that Prometheus can scrape. The runbook keeps three at least.",
                Kind = PanelKind.Stat, Width = 4, Height = 5, Thresholds = Limits.AtLeast(Checklist.MinReplicas),
            },
            new("Dependencies", "none", Steps, new Query($"min by (dependency) ({Of("rag_dependency_up")})", "{{dependency}}") { Instant = true })
            {
                Description = "Whether every chosen replica reaches what it depends on.",
                Kind = PanelKind.Stat, Width = 12, Height = 5, Thresholds = Limits.AtLeast(1), Mappings = Limits.UpOrDown,
            },
            new("Writes", "none", "Database maintenance", new Query($"max({Of("rag_read_only")})", "writes") { Instant = true })
            {
                Kind = PanelKind.Stat, Width = 4, Height = 5, Thresholds = Limits.Below(1),
                Mappings = [new(0, "taken", "green"), new(1, "refused", "red")],
            },
            new("Leaders", "none", Steps, new Query(Sum(Of("rag_leader")), "leaders") { Instant = true })
            {
                Description = "Replicas that run the scheduled work: one, where all replicas are chosen.",
                Kind = PanelKind.Stat, Width = 4, Height = 5, Thresholds = [new(null, "red"), new(1, "green"), new(2, "red")],
            },
            new("Index lag", "s", "The index is damaged or behind", new Query($"max by (replica) ({Of("rag_index_lag_seconds")})", "{{replica}}")) { Width = 12 },
            new("Probe", "ops", Steps, new Query(SumBy("outcome", Rate("rag_probe_requests_total")), "{{outcome}}")) { Width = 12 }));

    private static Row ObjectivesRow() => new("Objectives",
    [
        .. Objectives.All.Select(Attained),
        new("Error budget left", "percentunit", Promises, [.. Objectives.All.Select(o => new Query($"1 - ({BurnRate(o, Month)})", o.Title) { Instant = true })])
        {
            Description = $"What is left of the events that may be bad in {Month}: 100 % untouched, below 0 overspent.",
            Kind = PanelKind.Bargauge, Max = 1, Decimals = 1, Width = 12, Height = 7, Thresholds = Limits.AtLeast(0),
        },
        new("Slow burn", "none", Promises, [.. Burning.SelectMany(o => Windows(o, "ticket").Select(w => new Query(BurnRate(o, w), $"{o.Title}, {w}") { Instant = true }))])
        {
            Description = "How fast budgets burn over a day and longer, in times the rate that uses them up in exactly 30 days. Colours are those of the tickets.",
            Kind = PanelKind.Bargauge, Decimals = 2, Width = 12, Height = 7, Thresholds = Factors("ticket"),
        },
        .. Burning.Select(Burn),
    ]);

    private static string Month => $"{Objectives.WindowDays}d";

    private static IEnumerable<Objective> Burning => Objectives.All.Where(o => o.BurnRates);

    private static Panel Attained(Objective objective) => new(objective.Title, "percentunit", Promises, new Query(Attainment(objective, Month), objective.Title) { Instant = true })
    {
        Description = $"{objective.Description}, of all in the last {Objectives.WindowDays} days. The objective: {objective.Promise}.",
        Kind = PanelKind.Stat, Decimals = objective.Target >= 0.999 ? 3 : 2, Width = 6, Height = 5, Thresholds = Limits.AtLeast(objective.Target),
    };

    private static Panel Burn(Objective objective) => new(
        $"{objective.Title}: burn rate", "none", Promises,
        [.. Objectives.BurnRatesOf(objective).Where(b => b.Severity == "page").SelectMany(b => new[] { b.Short, b.Long }).Select(w => new Query(BurnRate(objective, w), w))])
    {
        Description = "How fast the budget burns over each window: 1 uses it up in exactly 30 days. Somebody is paged where both windows of a pair are above its line.",
        Thresholds = Factors("page"),
    };

    /// <summary>Share of good events in a window.</summary>
    public static string Attainment(Objective objective, string window) => $"({objective.GoodOver(window)}) / (({objective.TotalOver(window)}) > 0)";

    private static string BurnRate(Objective objective, string window) =>
        $"(1 - {Attainment(objective, window)}) / {Number(Budget(objective))}";

    /// <summary>Without the last digits of a binary fraction.</summary>
    private static double Budget(Objective objective) => Math.Round(objective.Budget, 6);

    private static IEnumerable<string> Windows(Objective objective, string severity) => Objectives.BurnRatesOf(objective).Where(b => b.Severity == severity).Select(b => b.Long);

    private static IReadOnlyList<Threshold> Factors(string severity)
    {
        var factors = Objectives.BurnRates.Where(b => b.Severity == severity).Select(b => b.Factor).Order().ToList();
        return Limits.Below(factors[0], factors[^1]);
    }
}
