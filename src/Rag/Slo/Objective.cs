using Rag.Telemetry;

namespace Rag.Slo;

/// <summary>
/// A promise of the runbook: so large a share of events is good. Rules, dashboards, pages and reports are made from it.
/// </summary>
/// <param name="Name">As labels, tables and JSON have it.</param>
/// <param name="Promise">As the runbook says it.</param>
/// <param name="Target">Share of good events, 0 to 1.</param>
/// <param name="Good">PromQL of the good events over a window, which stands as <c>{w}</c>; summed over replicas.</param>
/// <param name="Total">PromQL of all events over a window.</param>
/// <param name="BurnRates">Whether its error budget pages; without, a share below the target for half an hour makes a ticket.</param>
internal sealed record Objective(string Name, string Title, string Promise, string Description, double Target, string Good, string Total, bool BurnRates)
{
    /// <summary>Share of events that may be bad.</summary>
    public double Budget => 1 - Target;

    public string GoodOver(string window) => Good.Replace("{w}", window, StringComparison.Ordinal);

    public string TotalOver(string window) => Total.Replace("{w}", window, StringComparison.Ordinal);

    /// <summary>Bad events over a window; 0 where there were none, nothing where there were no events at all.</summary>
    public string BadOver(string window) => $"({TotalOver(window)}) - ({GoodOver(window)})";
}

/// <summary>How fast an error budget may burn, and who hears of it.</summary>
/// <param name="Factor">Times the rate that uses the budget up in exactly 30 days.</param>
/// <param name="BudgetShare">Share of 30 days' budget that is gone when the alert fires.</param>
/// <param name="Severity"><c>page</c> or <c>ticket</c>.</param>
internal sealed record BurnRate(string Short, string Long, double Factor, double BudgetShare, string Severity);

/// <summary>The four objectives of the runbook, in one place.</summary>
internal static class Objectives
{
    public const int WindowDays = 30;

    /// <summary>The job under which Prometheus scrapes the replicas. Others publish metrics of the same names.</summary>
    public const string Job = "rag-system";

    private const string OfJob = $"job=\"{Job}\"";
    private const string Ok = "status!~\"5..\"";
    private static readonly string QuestionRoutes = $"{OfJob},route=~\"{Alternatives(Routes.Questions)}\"";
    private static readonly string PeopleRoutes = $"{OfJob},route!~\"{Alternatives(Routes.Machines)}\"";

    public static readonly Objective Availability = new(
        "availability", "Availability", "99.9% uptime", "Questions, and the probe that asks where nobody else does, answered without a server error",
        0.999,
        $"(sum(increase(http_requests_total{{{QuestionRoutes},{Ok}}}[{{w}}])) or vector(0)) + (sum(increase(rag_probe_requests_total{{outcome=\"ok\"}}[{{w}}])) or vector(0))",
        $"(sum(increase(http_requests_total{{{QuestionRoutes}}}[{{w}}])) or vector(0)) + (sum(increase(rag_probe_requests_total[{{w}}])) or vector(0))",
        BurnRates: true);

    public static readonly Objective Latency = new(
        "latency", "Response time", "<500ms p95", "Questions answered within half a second",
        0.95,
        $"sum(increase(http_request_duration_seconds_bucket{{{QuestionRoutes},le=\"{HttpMetrics.FastSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture)}\"}}[{{w}}])) or vector(0)",
        $"sum(increase(http_request_duration_seconds_count{{{QuestionRoutes}}}[{{w}}])) or vector(0)",
        BurnRates: true);

    public static readonly Objective Errors = new(
        "errors", "Error rate", "<0.1%", "Requests of every kind, health and metrics left out, answered without a server error",
        0.999,
        $"sum(increase(http_requests_total{{{PeopleRoutes},{Ok}}}[{{w}}])) or vector(0)",
        $"sum(increase(http_requests_total{{{PeopleRoutes}}}[{{w}}])) or vector(0)",
        BurnRates: true);

    /// <summary>A question that the first layer does not know may still be known to the second: either way it is one hit.</summary>
    public static readonly Objective Cache = new(
        "cache", "Cache hit rate", ">85%", "Questions that the cache answered, whole or from their evidence",
        0.85,
        $"sum(increase(cache_hits_total{{{OfJob},layer=~\"question|evidence\"}}[{{w}}])) or vector(0)",
        $"sum(increase(cache_requests_total{{{OfJob},layer=\"question\"}}[{{w}}])) or vector(0)",
        BurnRates: false);

    public static readonly IReadOnlyList<Objective> All = [Availability, Latency, Errors, Cache];

    /// <summary>
    /// Two windows each, so that an alert comes soon and goes soon (Google, The Site Reliability Workbook, chapter 5, with Sloth's
    /// factors for 30 days).
    /// </summary>
    public static readonly IReadOnlyList<BurnRate> BurnRates =
    [
        new("5m", "1h", 14.4, 0.02, "page"),
        new("30m", "6h", 6, 0.05, "page"),
        new("2h", "1d", 3, 0.1, "ticket"),
        new("6h", "3d", 1, 0.1, "ticket"),
    ];

    /// <summary>The burn rates that the objective can reach: nothing burns faster than everything being bad.</summary>
    public static IEnumerable<BurnRate> BurnRatesOf(Objective objective) => objective.BurnRates ? BurnRates.Where(b => b.Factor * objective.Budget <= 1) : [];

    /// <summary>Routes as a regular expression of PromQL, in a string of PromQL.</summary>
    private static string Alternatives(IEnumerable<string> routes) => string.Join('|', routes);
}
