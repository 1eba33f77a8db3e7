namespace Rag.Slo.Export;

/// <summary>What the product gives to Prometheus and Alertmanager.</summary>
internal static class PrometheusExport
{
    /// <summary>Files with their paths below <c>deploy/</c>, for a server at the default address.</summary>
    public static IEnumerable<(string Path, string Content)> Files() =>
    [
        (PrometheusRules.Path, PrometheusRules.Generate()),
        (AlertmanagerConfig.Path, AlertmanagerConfig.Generate()),
    ];
}
