namespace Rag.Slo.Export.Dashboards;

/// <summary>A query as Prometheus alone can run it.</summary>
internal sealed record PlainQuery(string Dashboard, string Panel, string Expr);

/// <summary>What lies in <c>deploy/grafana</c>.</summary>
internal static class DashboardExport
{
    private static readonly Dashboard[] All = [SystemOverview.Make(), ApplicationMetrics.Make(), Infrastructure.Make(), SecurityBoard.Make()];

    /// <param name="descriptions">As <see cref="Instruments.Describe"/> gives them.</param>
    /// <returns>Paths below <c>deploy/</c>, with their content.</returns>
    /// <exception cref="InvalidOperationException">A query names a metric that nobody publishes.</exception>
    public static IEnumerable<(string Path, string Content)> Files(IReadOnlyDictionary<string, string> descriptions)
    {
        var metrics = new KnownMetrics(descriptions);
        foreach (var dashboard in All) yield return ($"grafana/dashboards/{dashboard.Uid}.json", GrafanaJson.Write(dashboard, All, metrics));
        yield return ("grafana/provisioning/datasources/rag-system.yml", GrafanaProvisioning.Datasource);
        yield return ("grafana/provisioning/dashboards/rag-system.yml", GrafanaProvisioning.Dashboards);
    }

    /// <summary>Every query of every panel, over all replicas and routes.</summary>
    /// <param name="descriptions">As for <see cref="Files"/>.</param>
    public static IEnumerable<PlainQuery> Queries(IReadOnlyDictionary<string, string> descriptions)
    {
        var metrics = new KnownMetrics(descriptions);
        foreach (var dashboard in All)
            foreach (var panel in dashboard.Panels)
            {
                GrafanaJson.DescriptionOf(panel, metrics);
                foreach (var query in panel.Queries) yield return new(dashboard.Title, panel.Title, PromQl.Plain(query.Expr));
            }
    }
}
