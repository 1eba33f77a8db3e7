using System.Text;
using Rag.Foundation;
using Rag.Slo.Export;
using Rag.Slo.Export.Dashboards;

namespace Rag.Backup;

/// <summary>What a weekly backup has beside the record: the configuration in force without secrets, dashboards and rules.</summary>
internal sealed class FullSystem(ConfigurationSections sections, IServiceProvider services)
{
    /// <summary>Paths and contents.</summary>
    public IEnumerable<(string Path, string Content)> Files()
    {
        var configuration = new StringBuilder();
        foreach (var value in sections.Effective(_ => "")) configuration.Append(value.Key).Append(" = ").Append(value.Value).Append('\n');
        yield return ("configuration.txt", configuration.ToString());
        foreach (var (path, content) in PrometheusExport.Files()) yield return ("deploy/" + path, content);
        foreach (var (path, content) in DashboardExport.Files(Instruments.Describe(services))) yield return ("deploy/" + path, content);
    }
}
