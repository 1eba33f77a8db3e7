using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using static System.Globalization.CultureInfo;

namespace Rag.Slo.Export.Dashboards;

/// <summary>Dashboards as Grafana reads them (dashboard JSON model, schema version 39: Grafana 10.4 and later, which bring older schemas up to date themselves).</summary>
internal static class GrafanaJson
{
    private const int Columns = 24;

    // Files for people to read and compare; nothing here ends up in a page.
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="all">The dashboards to link to.</param>
    public static string Write(Dashboard dashboard, IEnumerable<Dashboard> all, KnownMetrics metrics) => new JsonObject
    {
        ["uid"] = dashboard.Uid,
        ["title"] = dashboard.Title,
        ["description"] = dashboard.Description,
        ["tags"] = new JsonArray("rag-system"),
        ["editable"] = false,
        ["graphTooltip"] = 1,
        ["schemaVersion"] = 39,
        ["version"] = 1,
        ["timezone"] = "utc",
        ["refresh"] = "30s",
        ["time"] = new JsonObject { ["from"] = "now-6h", ["to"] = "now" },
        ["links"] = Array([.. all.Where(d => d.Uid != dashboard.Uid).Select(d => Link(d.Title, $"/d/{d.Uid}", keep: true)), Link("Runbook", RunbookLinks.Url("Key dashboards"), keep: false)]),
        ["templating"] = new JsonObject { ["list"] = Variables.Of(dashboard) },
        ["panels"] = Panels(dashboard, metrics),
    }.ToJsonString(Readable) + "\n";

    public static string DescriptionOf(Panel panel, KnownMetrics metrics)
    {
        var names = panel.Queries.SelectMany(q => PromQl.Metrics(q.Expr)).Distinct().ToList();
        // Every name is looked up, also where the description is given: an unknown one has no data.
        var said = names.Select(metrics.Describe).ToList();
        return panel.Description ?? (names.Count == 1 ? said[0] : throw new InvalidOperationException($"Panel '{panel.Title}' is about {string.Join(", ", names)} and needs a description of its own."));
    }

    private static JsonArray Panels(Dashboard dashboard, KnownMetrics metrics)
    {
        var list = new JsonArray();
        int id = 0, y = 0;
        foreach (var row in dashboard.Rows)
        {
            list.Add(new JsonObject { ["id"] = ++id, ["type"] = "row", ["title"] = row.Title, ["collapsed"] = false, ["gridPos"] = Place(0, y++, Columns, 1), ["panels"] = new JsonArray() });
            int x = 0, height = 0;
            foreach (var panel in row.Panels)
            {
                if (x + panel.Width > Columns) (x, y, height) = (0, y + height, 0);
                list.Add(Of(panel, ++id, Place(x, y, panel.Width, panel.Height), metrics));
                x += panel.Width;
                height = Math.Max(height, panel.Height);
            }
            y += height;
        }
        return list;
    }

    private static JsonObject Of(Panel panel, int id, JsonObject place, KnownMetrics metrics) => new()
    {
        ["id"] = id,
        ["type"] = panel.Kind switch { PanelKind.StateTimeline => "state-timeline", var kind => kind.ToString().ToLowerInvariant() },
        ["title"] = panel.Title,
        ["description"] = DescriptionOf(panel, metrics),
        ["datasource"] = Variables.Datasource(),
        ["gridPos"] = place,
        ["links"] = Array([new JsonObject { ["title"] = $"Runbook: {panel.Section}", ["url"] = RunbookLinks.Url(panel.Section), ["targetBlank"] = true }]),
        ["fieldConfig"] = new JsonObject { ["defaults"] = Field(panel), ["overrides"] = new JsonArray() },
        ["options"] = Options(panel.Kind),
        ["targets"] = Array([.. panel.Queries.Select((query, i) => new JsonObject
        {
            ["refId"] = ((char)('A' + i)).ToString(),
            ["datasource"] = Variables.Datasource(),
            ["expr"] = query.Expr,
            ["legendFormat"] = query.Legend,
            ["instant"] = query.Instant,
            ["range"] = !query.Instant,
        })]),
    };

    private static JsonObject Field(Panel panel)
    {
        bool graph = panel.Kind == PanelKind.Timeseries;
        var field = new JsonObject
        {
            ["unit"] = panel.Unit,
            ["color"] = new JsonObject { ["mode"] = graph ? "palette-classic" : "thresholds" },
            ["thresholds"] = new JsonObject
            {
                ["mode"] = "absolute",
                ["steps"] = Array([.. (panel.Thresholds.Count > 0 ? panel.Thresholds : [new(null, "green")]).Select(t => new JsonObject { ["color"] = t.Color, ["value"] = t.From })]),
            },
        };
        if (panel.Decimals is { } decimals) field["decimals"] = decimals;
        if (panel.Max is { } max) field["max"] = max;
        if (graph) field["min"] = 0;
        if (panel.Mappings.Count > 0)
            field["mappings"] = Array([new JsonObject
            {
                ["type"] = "value",
                ["options"] = new JsonObject(panel.Mappings.Select(m => KeyValuePair.Create(m.Value.ToString(InvariantCulture), (JsonNode?)new JsonObject { ["text"] = m.Text, ["color"] = m.Color }))),
            }]);
        if (graph)
            field["custom"] = new JsonObject
            {
                ["fillOpacity"] = 8,
                ["lineWidth"] = 1,
                ["showPoints"] = "never",
                ["thresholdsStyle"] = new JsonObject { ["mode"] = panel.Thresholds.Count > 0 ? "line" : "off" },
            };
        return field;
    }

    private static JsonObject Options(PanelKind kind) => kind switch
    {
        PanelKind.Timeseries => new() { ["legend"] = Legend(), ["tooltip"] = new JsonObject { ["mode"] = "multi", ["sort"] = "desc" } },
        PanelKind.StateTimeline => new() { ["legend"] = Legend(), ["showValue"] = "auto", ["mergeValues"] = true },
        PanelKind.Bargauge => new() { ["orientation"] = "horizontal", ["displayMode"] = "basic", ["reduceOptions"] = Last() },
        _ => new() { ["colorMode"] = "value", ["graphMode"] = "none", ["textMode"] = "auto", ["reduceOptions"] = Last() },
    };

    private static JsonObject Legend() => new() { ["displayMode"] = "list", ["placement"] = "bottom", ["showLegend"] = true };

    private static JsonObject Last() => new() { ["calcs"] = new JsonArray("lastNotNull"), ["fields"] = "", ["values"] = false };

    private static JsonObject Place(int x, int y, int width, int height) => new() { ["x"] = x, ["y"] = y, ["w"] = width, ["h"] = height };

    private static JsonObject Link(string title, string url, bool keep) => new()
    {
        ["title"] = title, ["type"] = "link", ["url"] = url, ["icon"] = keep ? "dashboard" : "doc", ["keepTime"] = keep, ["includeVars"] = keep, ["targetBlank"] = !keep,
    };

    private static JsonArray Array(JsonNode[] items) => new(items);
}
