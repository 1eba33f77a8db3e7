using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Rag.Slo;
using Rag.Slo.Export.Dashboards;
using Rag.Testing;

namespace Rag.Tests.Slo;

public sealed partial class DashboardTests : IAsyncLifetime
{
    private TestService _service = null!;
    private IReadOnlyDictionary<string, string> _descriptions = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _service = await TestService.StartAsync();
        _descriptions = Instruments.Describe(_service.Services);
    }

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    /// <summary>After a change that is meant, run the tests with RAG_UPDATE_DEPLOY=1 to accept it.</summary>
    [Fact]
    public async Task The_files_in_deploy_are_those_that_are_generated()
    {
        var files = DashboardExport.Files(_descriptions).ToDictionary(f => f.Path, f => f.Content);
        if (Environment.GetEnvironmentVariable("RAG_UPDATE_DEPLOY") == "1")
            foreach (var (path, content) in files)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(InDeploy(path))!);
                await File.WriteAllTextAsync(InDeploy(path), content, Cancel);
            }
        var there = Directory.EnumerateFiles(InDeploy("grafana"), "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(InDeploy(""), f).Replace('\\', '/'));
        there.Where(f => f is not ("grafana/README.md" or "grafana/kustomization.yaml")).ShouldBe(files.Keys, ignoreOrder: true);
        foreach (var (path, content) in files) (await File.ReadAllTextAsync(InDeploy(path), Cancel)).ShouldBe(content, path);
    }

    [Fact]
    public async Task No_dashboard_breaks_a_rule()
    {
        var anchors = await AnchorsAsync();
        var dashboards = Dashboards().ToList();
        dashboards.Select(d => (string)d["uid"]!).ShouldBe(["rag-system-overview", "rag-system-application", "rag-system-infrastructure", "rag-system-security"]);
        dashboards.SelectMany(d => DashboardLint.Findings(d, anchors)).ShouldBeEmpty();
        // Every dashboard that is linked to is there.
        var linked = dashboards.SelectMany(d => d["links"]!.AsArray()).Select(l => (string)l!["url"]!).Where(u => u.StartsWith("/d/", StringComparison.Ordinal)).Distinct();
        linked.ShouldBe(dashboards.Select(d => $"/d/{d["uid"]}"), ignoreOrder: true);
    }

    [Theory]
    [InlineData("dashboard-description", "description", "")]
    [InlineData("dashboard-uid", "uid", "a1B2")]
    [InlineData("uneditable", "editable", true)]
    [InlineData("dashboard-links", "links/0", null)]
    [InlineData("dashboard-links", "links/3", null)]
    [InlineData("link-anchor", "links/3/url", "${runbook:raw}#no-such-section")]
    [InlineData("variables", "templating/list/2", null)]
    [InlineData("variables", "panels/1/targets/0/expr", "up{job=~\"$job\",zone=\"$zone\"}")]
    [InlineData("template-datasource", "templating/list/0/type", "custom")]
    [InlineData("template-job", "templating/list/1/allValue", ".*")]
    [InlineData("template-label", "templating/list/1/label", "")]
    [InlineData("template-on-time-change-reload", "templating/list/1/refresh", 1)]
    [InlineData("template-source", "templating/list/1/datasource/uid", "a-prometheus")]
    [InlineData("template-all", "templating/list/1/includeAll", false)]
    [InlineData("panel-title", "panels/1/title", "")]
    [InlineData("panel-description", "panels/1/description", "")]
    [InlineData("panel-units", "panels/1/fieldConfig/defaults/unit", "")]
    [InlineData("panel-units", "panels/1/fieldConfig/defaults/unit", "seconds")]
    [InlineData("panel-datasource", "panels/1/datasource/uid", "a-prometheus")]
    [InlineData("panel-links", "panels/1/links/0", null)]
    [InlineData("link-anchor", "panels/1/links/0/url", "${runbook:raw}#no-such-section")]
    [InlineData("panel-no-targets", "panels/1/targets/0", null)]
    [InlineData("panel-id", "panels/1/id", 1)]
    [InlineData("layout", "panels/1/gridPos/w", 25)]
    [InlineData("layout", "panels/2/gridPos/x", 1)]
    [InlineData("target-datasource", "panels/1/targets/0/datasource/uid", "a-prometheus")]
    [InlineData("target-legend", "panels/1/targets/0/legendFormat", "")]
    [InlineData("target-ref", "panels/3/targets/1/refId", "A")]
    [InlineData("target-rate-interval", "panels/1/targets/0/expr", "sum(rate(http_requests_total{job=~\"$job\"}[5m]))")]
    [InlineData("target-counter", "panels/1/targets/0/expr", "sum(http_requests_total{job=~\"$job\"})")]
    [InlineData("target-counter", "panels/1/targets/0/expr", "histogram_quantile(0.95, sum by (le) (http_request_duration_seconds_bucket{job=~\"$job\"}))")]
    [InlineData("target-job", "panels/1/targets/0/expr", "sum(rag_documents)")]
    [InlineData("target-job", "panels/1/targets/0/expr", "sum(rate(http_requests_total{status=\"500\"}[$__rate_interval]))")]
    public async Task Each_rule_catches_what_it_is_for(string rule, string path, object? broken)
    {
        // Application: its second panel has one query, its third one, and those of its first row share lines.
        var dashboard = Dashboards().ElementAt(1);
        var panels = dashboard["panels"]!.AsArray();
        panels[3]!["targets"]!.AsArray().Add(panels[1]!["targets"]![0]!.DeepClone());
        panels[3]!["targets"]![1]!["refId"] = "B";
        var anchors = await AnchorsAsync();
        DashboardLint.Findings(dashboard, anchors).ShouldBeEmpty();
        Break(dashboard, path, broken);
        DashboardLint.Findings(dashboard, anchors).ShouldContain(f => f.StartsWith(rule + ":", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Every_query_parses()
    {
        var queries = DashboardExport.Queries(_descriptions).ToList();
        queries.Count.ShouldBeGreaterThan(80);
        (await CheckAsync([.. queries.Select(q => q.Expr)])).ShouldBe((0, $"SUCCESS: {queries.Count} rules found"));
        // The check sees what does not parse.
        (await CheckAsync(["sum(rate(http_requests_total[1m])"])).Code.ShouldBe(1);
    }

    [Fact]
    public void Queries_for_Prometheus_have_no_variable_left()
    {
        foreach (var query in DashboardExport.Queries(_descriptions)) query.Expr.ShouldNotContain("$");
        PromQl.Plain("rate(a{job=~\"$job\",b=~\"${route:regex}\"}[$__rate_interval]) + increase(a[$__range])").ShouldBe("rate(a{job=~\".*\",b=~\".*\"}[1m]) + increase(a[1h])");
    }

    [Theory]
    [InlineData("sum by (a_label, le) (rate(http_requests_total{status=~\"5..\",route=\"a_b\"}[5m])) or vector(0)", "http_requests_total")]
    [InlineData("rag_documents / on (job_name) group_left (x_y) rag_chunks unless up offset 5m > bool 1e3", "rag_documents,rag_chunks,up")]
    [InlineData("time() - max(process_start_time_seconds{a=\"}\"})", "process_start_time_seconds")]
    public void Metrics_of_a_query_are_found(string expr, string expected) => PromQl.Metrics(expr).ShouldBe(expected.Split(','));

    [Fact]
    public void Selectors_of_a_query_keep_what_stands_in_their_strings() =>
        PromQl.Selectors("sum by (le) (rate(a_bucket{job=\"x(y)\",route=~\"/|/v1/{id}\"}[5m])) / on (job) up{job=\"b or c\"} > bool 1e3 or up{job=\"b or c\"} unless vector(0)")
            .ShouldBe(["a_bucket{job=\"x(y)\",route=~\"/|/v1/{id}\"}", "up{job=\"b or c\"}"]);

    [Fact]
    public void A_query_on_a_metric_that_nobody_publishes_is_refused()
    {
        foreach (string metric in (string[])["http_requests_total", "http_request_duration_seconds", "rag_cpu_limit_cores", "dotnet_gc_pause_time_seconds_total"])
        {
            _descriptions.ShouldContainKey(metric);
            var fewer = _descriptions.Where(d => d.Key != metric).ToDictionary();
            Should.Throw<InvalidOperationException>(() => DashboardExport.Files(fewer).ToList()).Message.ShouldContain(metric);
            Should.Throw<InvalidOperationException>(() => DashboardExport.Queries(fewer).ToList()).Message.ShouldContain(metric);
        }
    }

    [Fact]
    public void A_panel_about_one_metric_says_what_its_instrument_says()
    {
        var panel = new Panel("Documents", "short", "Disk full", new Query("max(rag_documents)", "documents"));
        GrafanaJson.DescriptionOf(panel, new(_descriptions)).ShouldBe("Documents in the record.");
        GrafanaJson.DescriptionOf(panel with { Description = "Said otherwise." }, new(_descriptions)).ShouldBe("Said otherwise.");
        var two = panel with { Queries = [new("rag_documents", "a"), new("rag_chunks", "b")] };
        Should.Throw<InvalidOperationException>(() => GrafanaJson.DescriptionOf(two, new(_descriptions)));
    }

    [Fact]
    public void Thresholds_are_the_objectives()
    {
        foreach (var objective in Objectives.All) Steps("rag-system-overview", objective.Title).ShouldBe([null, objective.Target]);
        Steps("rag-system-overview", "Share of server errors").ShouldBe([null, 0.001]);
        Steps("rag-system-overview", "Time of requests").ShouldBe([null, 0.5]);
        Steps("rag-system-overview", "Availability: burn rate").ShouldBe([null, 6, 14.4]);
        Steps("rag-system-overview", "Slow burn").ShouldBe([null, 1, 3]);
        Steps("rag-system-overview", "Replicas up").ShouldBe([null, 3]);
        Steps("rag-system-application", "Response time of questions").ShouldBe([null, 0.5]);
        Steps("rag-system-application", "Hit rate").ShouldBe([null, 0.85]);
        Steps("rag-system-infrastructure", "Processor, of its limit").ShouldBe([null, 0.7]);
        Steps("rag-system-infrastructure", "Memory, of its limit").ShouldBe([null, 0.8]);
    }

    [Theory]
    [InlineData("Service level objectives (SLOs)", "service-level-objectives-slos")]
    [InlineData("Compliance & security", "compliance--security")]
    [InlineData("The index is damaged or behind", "the-index-is-damaged-or-behind")]
    public void Anchors_are_made_as_GitHub_makes_them(string heading, string anchor) => RunbookLinks.Anchor(heading).ShouldBe(anchor);

    private List<double?> Steps(string uid, string title) =>
        [.. Dashboards().Single(d => (string)d["uid"]! == uid)["panels"]!.AsArray().Single(p => (string)p!["title"]! == title)!["fieldConfig"]!["defaults"]!["thresholds"]!["steps"]!.AsArray().Select(s => (double?)s!["value"])];

    private IEnumerable<JsonNode> Dashboards() => DashboardExport.Files(_descriptions).Where(f => f.Path.EndsWith(".json", StringComparison.Ordinal)).Select(f => JsonNode.Parse(f.Content)!);

    /// <summary>Sets what lies at a path such as <c>links/0/url</c>; null takes it away.</summary>
    private static void Break(JsonNode node, string path, object? value)
    {
        string[] steps = path.Split('/');
        foreach (string step in steps[..^1]) node = node is JsonArray array ? array[int.Parse(step, CultureInfo.InvariantCulture)]! : node[step]!;
        if (node is JsonArray items) items.RemoveAt(int.Parse(steps[^1], CultureInfo.InvariantCulture));
        else node[steps[^1]] = value switch { string s => s, int i => i, bool b => b, _ => throw new ArgumentException(path) };
    }

    /// <summary>Each expression as a recording rule of its own, so that promtool parses it.</summary>
    private static async Task<(int Code, string Last)> CheckAsync(string[] exprs)
    {
        string? promtool = ChildServer.Find("promtool");
        if (promtool is null && Environment.GetEnvironmentVariable("CI") != "true") Assert.Skip("promtool is not installed: Debian's package prometheus has it.");
        var rules = new StringBuilder("groups:\n- name: queries\n  rules:\n");
        for (int i = 0; i < exprs.Length; i++) rules.Append(CultureInfo.InvariantCulture, $"  - record: query:{i}\n    expr: '{exprs[i].Replace("'", "''", StringComparison.Ordinal)}'\n");
        string file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, rules.ToString(), Cancel);
            using var process = Process.Start(new ProcessStartInfo(promtool.ShouldNotBeNull(), ["check", "rules", file]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync(Cancel);
            string output = (await process.StandardOutput.ReadToEndAsync(Cancel)).Trim();
            await errors;
            await process.WaitForExitAsync(Cancel);
            return (process.ExitCode, output.Split('\n')[^1].Trim());
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task<IReadOnlySet<string>> AnchorsAsync()
    {
        string text = Fences().Replace(await File.ReadAllTextAsync(InRoot(RunbookLinks.File), Cancel), "");
        return text.Split('\n').Where(l => Heading().IsMatch(l)).Select(l => RunbookLinks.Anchor(l.TrimStart('#').Trim())).ToHashSet();
    }

    private static string InDeploy(string path) => InRoot(Path.Combine("deploy", path));

    private static string InRoot(string path, [CallerFilePath] string file = "") => Path.Combine(Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", "..", "..")), path);

    [GeneratedRegex("^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fences();

    [GeneratedRegex("^#{1,6} ")]
    private static partial Regex Heading();
}
