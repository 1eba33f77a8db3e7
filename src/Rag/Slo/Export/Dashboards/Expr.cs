using System.Globalization;
using Rag.Telemetry;

namespace Rag.Slo.Export.Dashboards;

/// <summary>Pieces of PromQL that every dashboard uses.</summary>
internal static class Expr
{
    public const string ServerErrors = "status=~\"5..\"";
    public const string Refusals = "status=~\"4..\"";

    /// <summary>Without what balancers and monitors ask, as in the objectives: it is fast, frequent, and would hide the rest.</summary>
    public static readonly string PeopleRoutes = $"route!~\"{string.Join('|', Routes.Machines)}\"";

    public static readonly string ChosenRoutes = $"route=~\"$route\",{PeopleRoutes}";

    /// <summary>The series of a metric at the chosen jobs and replicas.</summary>
    public static string Of(string metric, params string[] filters) =>
        $"{metric}{{{string.Join(',', (string[])["job=~\"$job\"", "replica=~\"$replica\"", .. filters])}}}";

    /// <summary>Of a counter, in a second.</summary>
    public static string Rate(string metric, params string[] filters) => $"rate({Of(metric, filters)}[$__rate_interval])";

    /// <summary>Of a counter, over the whole time range that is shown.</summary>
    public static string Increase(string metric, params string[] filters) => $"increase({Of(metric, filters)}[$__range])";

    public static string Sum(string expr) => $"sum({expr})";

    public static string SumBy(string labels, string expr) => $"sum by ({labels}) ({expr})";

    /// <summary>The share of some series in others, both summed; 0 where there are none of the first but of the second.</summary>
    public static string Share(string some, string all) => $"(sum({some}) or 0 * sum({all})) / sum({all})";

    /// <param name="metric">Name of the histogram, without a suffix.</param>
    /// <param name="by">Labels to keep, or nothing.</param>
    public static string Quantile(double quantile, string metric, string by, params string[] filters) =>
        $"histogram_quantile({Number(quantile)}, sum by ({(by.Length > 0 ? by + ", " : "")}le) ({Rate(metric + "_bucket", filters)}))";

    /// <summary>The median and the 95th percentile, over all series.</summary>
    public static Query[] Quantiles(string metric, params string[] filters) =>
        [new(Quantile(0.5, metric, "", filters), "median"), new(Quantile(0.95, metric, "", filters), "p95")];

    public static string Number(double value) => value.ToString(CultureInfo.InvariantCulture);
}
