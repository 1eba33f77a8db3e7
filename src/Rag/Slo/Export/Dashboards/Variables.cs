using System.Text.Json.Nodes;

namespace Rag.Slo.Export.Dashboards;

/// <summary>The variables at the top of a dashboard: where data comes from, and which of it is shown.</summary>
internal static class Variables
{
    private const int OnTimeRangeChange = 2;

    public static JsonObject Datasource() => new() { ["type"] = "prometheus", ["uid"] = "${datasource}" };

    public static JsonArray Of(Dashboard dashboard)
    {
        var list = new JsonArray(
            new JsonObject { ["name"] = "datasource", ["label"] = "Data source", ["type"] = "datasource", ["query"] = "prometheus", ["refresh"] = 1 },
            // Only this product has an index position, whatever the job is called.
            Labels("job", "Job", "label_values(rag_index_position, job)"),
            Labels("replica", "Replica", "label_values(rag_index_position{job=~\"$job\"}, replica)"));
        if (dashboard.Routes) list.Add((JsonNode)Labels("route", "Route", "label_values(http_requests_total{job=~\"$job\"}, route)"));
        list.Add((JsonNode)Runbook.Variable());
        return list;
    }

    private static JsonObject Labels(string name, string label, string query) => new()
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
        // Also matches series without the label, such as those of a Prometheus that does not set it.
        ["allValue"] = ".*",
        ["current"] = new JsonObject { ["text"] = new JsonArray("All"), ["value"] = new JsonArray("$__all") },
    };
}
