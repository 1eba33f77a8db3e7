namespace Rag.Bench.Verify.Observe;

/// <summary>What operators are promised to see: metrics, objectives, alerts, dashboards.</summary>
internal static class ObserveChecks
{
    public static IEnumerable<Check> All() => [.. RuleChecks.All(), .. LiveChecks.All(), .. AlertCheck.All(), .. CostChecks.All()];
}
