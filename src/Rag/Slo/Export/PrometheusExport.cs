namespace Rag.Slo.Export;

/// <summary>What the product gives to Prometheus and Alertmanager.</summary>
internal static class PrometheusExport
{
    /// <summary>Files with their paths below <c>deploy/</c>.</summary>
    /// <param name="server">Where Alertmanager finds the product.</param>
    public static IEnumerable<(string Path, string Content)> Files(string server = AlertmanagerConfig.DefaultServer) =>
    [
        (PrometheusRules.Path, PrometheusRules.Generate()),
        (AlertmanagerConfig.Path, AlertmanagerConfig.Generate(server)),
    ];
}
