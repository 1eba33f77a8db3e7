namespace Rag.Bench.Verify.Production;

/// <summary>What production mode promises: PostgreSQL, Redis, three replicas behind a balancer, and what may break.</summary>
internal static class ProductionChecks
{
    public static IEnumerable<Check> All() => [.. CacheChecks.All(), .. FaultChecks.All(), .. RestartChecks.All(), .. HistoryCheck.All(), .. ScaleChecks.All()];
}
