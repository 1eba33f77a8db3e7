using System.Text.Json.Nodes;

namespace Rag.Slo.Export.Dashboards;

/// <summary>The variables at the top of a dashboard: where data comes from, and which of it is shown.</summary>
internal static class Variables
{
    private const int OnTimeRangeChange = 2;

    /// <summary>Series without the label as well, such as those of a Prometheus that does not set it.</summary>
    private const string Anything = ".*";

    public static JsonObject Datasource() => new() { ["type"] = "prometheus", ["uid"] = "${datasource}" };

    public static JsonArray Of(Dashboard dashboard)
    {
        var list = new JsonArray(
            new JsonObject { ["name"] = "datasource", ["label"] = "Data source", ["type"] = "datasource", ["query"] = "prometheus", ["refresh"] = 1 },
            // Only this product has an index position, whatever the job is called; all jobs are all of those, and no others.
            Labels("job", "Job", "label_values(rag_index_position, job)", all: null),
            Labels("replica", "Replica", "label_values(rag_index_position{job=~\"$job\"}, replica)", Anything));
        if (dashboard.Routes) list.Add((JsonNode)Labels("route", "Route", $"label_values(http_requests_total{{job=~\"$job\",{Expr.PeopleRoutes}}}, route)", Anything));
        list.Add((JsonNode)RunbookLinks.Variable());
        return list;
    }

    /// <param name="all">What all values together are; null for each of them by name.</param>
    private static JsonObject Labels(string name, string label, string query, string? all) => new()
    {
        ["name"] = name,
        ["label"] = label,
        ["type"] = "query",
        ["datasource"] = Datasource(),
        ["query"] = new JsonObject { ["query"] = query, ["refId"] = name },
        ["definition"] = query,
        ["refresh"] = OnTimeRangeChange,
        ["sort"] = 1,
        ["multi"] = true,
        ["includeAll"] = true,
        ["allValue"] = all,
        ["current"] = new JsonObject { ["text"] = new JsonArray("All"), ["value"] = new JsonArray("$__all") },
    };
}
