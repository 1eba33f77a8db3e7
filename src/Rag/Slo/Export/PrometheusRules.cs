namespace Rag.Slo.Export;

/// <summary>
/// The rules file of Prometheus: the runbook's two rules as they stand there, what is counted for the objectives, and the
/// product's own alerts.
/// </summary>
internal static class PrometheusRules
{
    public const string Path = "prometheus/rag-system.rules.yml";

    /// <summary>The runbook's rules, word for word. They call nobody, because they miss outages and fire without any; tickets.</summary>
    public const string OfTheRunbook =
        """
        - alert: HighErrorRate
          expr: rate(http_requests_total{status=~"5.."}[5m]) > 0.05
          for: 5m
          labels:
            severity: warning
          annotations:
            summary: "High error rate detected"

        - alert: SlowResponseTime
          expr: histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m])) > 2
          for: 10m
          labels:
            severity: critical
          annotations:
            summary: "Response time is too slow"
        """;

    public static readonly IReadOnlyList<string> NamesOfTheRunbook = ["HighErrorRate", "SlowResponseTime"];

    /// <summary>The product's own alerts.</summary>
    public static readonly IReadOnlyList<AlertRule> Alerts = [.. ObjectiveAlerts.All(), .. ServiceAlerts.All(), .. CareAlerts.All()];

    public static string Generate() =>
        $"""
        # Alerts and recording rules of rag-system for Prometheus 2.42 or later, made from the objectives in src/Rag/Slo. Change them
        # there; the tests rewrite this file with RAG_UPDATE_DEPLOY=1. The runbook has a section on every alert.
        groups:
        {Group("runbook", [OfTheRunbook])}
        {Group("counts", CountRules.ToYaml())}
        {Group("objectives", ObjectiveAlerts.All().Select(a => a.ToYaml()))}
        {Group("service", ServiceAlerts.All().Select(a => a.ToYaml()))}
        {Group("care", CareAlerts.All().Select(a => a.ToYaml()))}

        """.ReplaceLineEndings("\n");

    private static string Group(string name, IEnumerable<string> rules) => $"  - name: rag-system-{name}\n    rules:\n{Yaml.Indented(string.Join('\n', rules), 6)}";
}
