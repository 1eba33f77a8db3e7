using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Rag.Slo.Export.Dashboards;

namespace Rag.Tests.Slo;

/// <summary>The rules of monitoring mixins and of Grafana's dashboard-linter, over a dashboard's JSON.</summary>
internal static partial class DashboardLint
{
    private const int Columns = 24;

    private static readonly string[] Units = ["Bps", "bytes", "dateTimeFromNow", "none", "ops", "percentunit", "reqps", "s", "short"];

    /// <summary>Named as counters by .NET 10's runtime, although they go up and down.</summary>
    private static readonly string[] NoCounters = ["dotnet_thread_pool_thread_count_total", "dotnet_thread_pool_queue_length_total"];

    /// <param name="runbookAnchors">Anchors of the runbook's headings.</param>
    /// <returns>A line for each finding, which begins with the rule's name.</returns>
    public static IEnumerable<string> Findings(JsonNode dashboard, IReadOnlySet<string> runbookAnchors)
    {
        foreach (string name in (string[])["uid", "title", "description"])
            if (Text(dashboard, name).Length == 0) yield return $"dashboard-{name}: missing";
        if (Uid().Match(Text(dashboard, "uid")) is { Success: false }) yield return "dashboard-uid: not stable";
        if (dashboard["editable"]!.GetValue<bool>()) yield return "uneditable: can be changed on the screen";
        foreach (string finding in Variables(dashboard)) yield return finding;
        foreach (string finding in Links(dashboard["links"]!.AsArray(), runbookAnchors, "dashboard")) yield return finding;
        if (dashboard["links"]!.AsArray().Count(l => Text(l!, "url").StartsWith("/d/", StringComparison.Ordinal)) != 3) yield return "dashboard-links: does not link to the three others";
        if (!dashboard["links"]!.AsArray().Any(l => Text(l!, "url").StartsWith("${runbook", StringComparison.Ordinal))) yield return "dashboard-links: does not link to the runbook";
        foreach (string finding in Layout(dashboard)) yield return finding;
        string row = "";
        foreach (var panel in Items(dashboard["panels"]))
        {
            if (Text(panel, "type") == "row") row = Text(panel, "title");
            else foreach (string finding in Panel(panel, row, runbookAnchors)) yield return finding;
        }
        var used = Variable().Matches(dashboard.ToJsonString()).Select(m => m.Groups[1].Value).Where(v => !v.StartsWith("__", StringComparison.Ordinal)).ToHashSet();
        foreach (string missing in used.Except(Items(dashboard["templating"]!["list"]).Select(v => Text(v, "name")))) yield return $"variables: {missing} is used and not declared";
    }

    private static IEnumerable<string> Variables(JsonNode dashboard)
    {
        var variables = Items(dashboard["templating"]!["list"]).ToDictionary(v => Text(v, "name"));
        foreach (string name in (string[])["datasource", "job", "replica", "runbook"])
            if (!variables.ContainsKey(name)) yield return $"variables: {name} is missing";
        if (variables.TryGetValue("datasource", out var source) && Text(source, "type") != "datasource") yield return "template-datasource: is no data source";
        foreach (var (name, variable) in variables)
        {
            if (Text(variable, "label").Length == 0) yield return $"template-label: {name}";
            if (Text(variable, "type") != "query") continue;
            if ((int?)variable["refresh"] != 2) yield return $"template-on-time-change-reload: {name}";
            if (!FromSource(variable)) yield return $"template-source: {name}";
            // All jobs that Prometheus knows are more than this product's.
            if (name == "job" && variable["allValue"] is not null) yield return "template-job: all jobs are not only those of this product";
            if (variable["multi"]?.GetValue<bool>() != true || variable["includeAll"]?.GetValue<bool>() != true) yield return $"template-all: {name}";
        }
    }

    private static IEnumerable<string> Panel(JsonNode panel, string row, IReadOnlySet<string> runbookAnchors)
    {
        string title = Text(panel, "title");
        if (title.Length == 0) yield return $"panel-title: panel {panel["id"]}";
        if (Text(panel, "description").Length == 0) yield return $"panel-description: {title}";
        string unit = Text(panel["fieldConfig"]!["defaults"]!, "unit");
        if (!Units.Contains(unit)) yield return $"panel-units: {title} has '{unit}'";
        if (!FromSource(panel)) yield return $"panel-datasource: {title}";
        foreach (string finding in Links(panel["links"]!.AsArray(), runbookAnchors, title)) yield return finding;
        if (panel["links"]!.AsArray().Count == 0) yield return $"panel-links: {title} links to nothing";
        if (panel["targets"]!.AsArray().Count == 0) yield return $"panel-no-targets: {title}";
        var refs = Items(panel["targets"]).Select(t => Text(t, "refId")).ToList();
        if (refs.Distinct().Count() != refs.Count) yield return $"target-ref: {title}";
        foreach (var target in Items(panel["targets"]))
        {
            string expr = Text(target, "expr");
            if (!FromSource(target)) yield return $"target-datasource: {title}";
            if (Text(target, "legendFormat").Length == 0) yield return $"target-legend: {title}";
            foreach (Match rate in Rate().Matches(expr))
                if (rate.Groups["window"].Value != "$__rate_interval") yield return $"target-rate-interval: {title} takes a rate over {rate.Groups["window"].Value}";
            string ungrouped = Grouping().Replace(expr, "");
            foreach (Match selector in Selector().Matches(ungrouped))
            {
                string name = selector.Groups["name"].Value;
                if (IsCounter(name) && !Counting().IsMatch(ungrouped[..selector.Index])) yield return $"target-counter: {title} shows {name} as it is";
                // Objectives are those of the whole service, as its alerts have them.
                if (row != "Objectives" && title != "Hit rate" && !name.StartsWith("haproxy_", StringComparison.Ordinal) && !selector.Value.Contains("job=~\"$job\"", StringComparison.Ordinal))
                    yield return $"target-job: {title} reads {name} of every job";
            }
        }
    }

    private static bool IsCounter(string name) =>
        !NoCounters.Contains(name) && ((string[])["_total", "_bucket", "_count", "_sum"]).Any(suffix => name.EndsWith(suffix, StringComparison.Ordinal));

    private static IEnumerable<string> Links(JsonArray links, IReadOnlySet<string> anchors, string where)
    {
        foreach (var link in links)
        {
            string url = Text(link!, "url");
            if (Text(link!, "title").Length == 0) yield return $"link-title: {where}";
            if (url.StartsWith("${runbook:raw}#", StringComparison.Ordinal) && !anchors.Contains(url[(url.IndexOf('#', StringComparison.Ordinal) + 1)..])) yield return $"link-anchor: {where} links to {url}";
        }
    }

    private static IEnumerable<string> Layout(JsonNode dashboard)
    {
        var ids = Items(dashboard["panels"]).Select(p => (int)p["id"]!).ToList();
        if (ids.Distinct().Count() != ids.Count) yield return "panel-id: used twice";
        var taken = new HashSet<(int, int)>();
        foreach (var panel in Items(dashboard["panels"]))
        {
            var (x, y, w, h) = ((int)panel["gridPos"]!["x"]!, (int)panel["gridPos"]!["y"]!, (int)panel["gridPos"]!["w"]!, (int)panel["gridPos"]!["h"]!);
            if (x + w > Columns) yield return $"layout: {Text(panel, "title")} is too wide";
            bool free = true;
            for (int i = x; i < x + w; i++)
                for (int j = y; j < y + h; j++) free &= taken.Add((i, j));
            if (!free) yield return $"layout: {Text(panel, "title")} lies on another";
        }
    }

    private static bool FromSource(JsonNode node) => node["datasource"] is { } source && Text(source, "uid") == "${datasource}";

    private static IEnumerable<JsonNode> Items(JsonNode? array) => array!.AsArray().Select(i => i!);

    private static string Text(JsonNode node, string name) => (string?)node[name] ?? "";

    [GeneratedRegex("^[a-z]+(-[a-z]+)+$")]
    private static partial Regex Uid();

    [GeneratedRegex(@"\$\{?(\w+)")]
    private static partial Regex Variable();

    [GeneratedRegex(@"\bi?rate\(\s*[\w:]+(?:\{[^}]*\})?\[(?<window>[^\]]+)\]")]
    private static partial Regex Rate();

    [GeneratedRegex(@"\b(?:by|without|on|ignoring)\s*\([^)]*\)")]
    private static partial Regex Grouping();

    /// <summary>A name with its matchers, and the names of metrics that stand without any.</summary>
    [GeneratedRegex(@"(?<name>\b(?:[a-z]+_[a-z0-9_]+|up)\b)(?!\s*\()(?![^{]*\})(?:\{[^}]*\})?")]
    private static partial Regex Selector();

    [GeneratedRegex(@"\b(?:i?rate|increase)\(\s*$")]
    private static partial Regex Counting();
}
