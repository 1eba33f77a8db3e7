using System.Globalization;
using System.Text.RegularExpressions;
using Rag.Slo;
using Rag.Slo.Export;
using Rag.Slo.Export.Dashboards;

namespace Rag.Tests.Slo;

public sealed partial class PrometheusRulesTests
{
    /// <summary>The two alert rules of the specification's runbook, to the letter.</summary>
    private const string Specification =
        """
        - alert: HighErrorRate
          expr: rate(http_requests_total{status=~"5.."}[5m]) > 0.05
          for: 5m
          labels:
            severity: warning
          annotations:
            summary: "High error rate detected"

        - alert: SlowResponseTime
          expr: histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m])) > 2
          for: 10m
          labels:
            severity: critical
          annotations:
            summary: "Response time is too slow"
        """;

    private static readonly string Rules = Deploy.File(PrometheusRules.Path);

    public static TheoryData<string> TestFiles => [.. PromtoolCase.Files().Select(f => Path.GetFileName(f))];

    public static TheoryData<string> AlertNames => [.. PrometheusRules.Alerts.Select(a => a.Name).Concat(PrometheusRules.NamesOfTheRunbook).Distinct()];

    [Fact]
    public async Task Promtool_accepts_the_rules_without_a_complaint() =>
        (await Deploy.RunAsync("promtool", "check", "rules", "--lint-fatal", Rules)).ShouldContain("SUCCESS");

    [Theory, MemberData(nameof(TestFiles))]
    public async Task Alerts_fire_when_they_should_and_only_then(string file) =>
        (await Deploy.RunAsync("promtool", "test", "rules", Deploy.File($"prometheus/tests/{file}"))).ShouldContain("SUCCESS");

    [Theory, MemberData(nameof(TestFiles))]
    public void Promtool_is_told_the_order_of_the_groups(string file)
    {
        var groups = PrometheusRules.Generate().Split('\n').Where(l => l.StartsWith("  - name: ", StringComparison.Ordinal)).Select(l => l["  - name: ".Length..]);
        File.ReadAllText(Deploy.File($"prometheus/tests/{file}")).ShouldContain($"group_eval_order: [{string.Join(", ", groups)}]");
    }

    [Theory, MemberData(nameof(AlertNames))]
    public void An_alert_is_tested_where_it_fires_and_where_it_has_data_and_does_not(string name)
    {
        var cases = PromtoolCase.All();
        cases.ShouldContain(c => c.Firing.Any(f => f.Contains(name)), $"{name} fires in no case.");
        var metrics = MetricsOf(name);
        metrics.ShouldNotBeEmpty();
        cases.ShouldContain(c => metrics.All(c.Metrics.Contains) && c.Firing.Any(f => !f.Contains(name)), $"{name} is silent in no case that has {string.Join(", ", metrics)}.");
    }

    [Fact]
    public void The_rules_of_the_specification_stand_in_the_file_word_for_word()
    {
        PrometheusRules.OfTheRunbook.ReplaceLineEndings("\n").ShouldBe(Specification.ReplaceLineEndings("\n"));
        File.ReadAllText(Rules).ShouldContain(Yaml.Indented(Specification.ReplaceLineEndings("\n"), 6));
        Runbook().ShouldContain(Specification.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Every_alert_has_its_section_in_the_runbook()
    {
        var anchors = Anchors();
        foreach (string name in PrometheusRules.NamesOfTheRunbook) anchors.ShouldContain(name.ToLowerInvariant());
        foreach (var alert in PrometheusRules.Alerts)
        {
            alert.RunbookUrl.ShouldStartWith(AlertRule.Runbook + "#");
            anchors.ShouldContain(alert.RunbookUrl[(AlertRule.Runbook.Length + 1)..], alert.Name);
        }
    }

    [Fact]
    public void No_alert_asks_for_more_than_everything_being_bad()
    {
        var bounds = PrometheusRules.Alerts.SelectMany(a => BurnBound().Matches(a.Expr)).ToList();
        // Two windows each, of the four burn rates of each of three objectives.
        bounds.Count.ShouldBe(2 * Objectives.All.Where(o => o.BurnRates).Sum(o => Objectives.BurnRatesOf(o).Count()));
        foreach (var bound in bounds) (Number(bound.Groups[1]) * Number(bound.Groups[2])).ShouldBeLessThanOrEqualTo(1, bound.Value);
    }

    [Fact]
    public void An_alert_that_could_never_fire_is_not_made()
    {
        // Of 85% good, nothing burns 14.4 times as fast as the budget lasts: that would be 216% bad.
        var objective = Objectives.Cache with { BurnRates = true };
        Objectives.BurnRatesOf(objective).ShouldNotContain(b => b.Factor > 6);
        var burn = Objectives.BurnRates[0];
        Should.Throw<ArgumentException>(() => ObjectiveAlerts.Burns(objective, burn)).Message.ShouldContain("never");
        ObjectiveAlerts.Burns(Objectives.Latency, burn).Name.ShouldBe("LatencyBurnFast");
    }

    [Fact]
    public void An_alert_says_who_hears_of_it_and_what_is_so()
    {
        foreach (var alert in PrometheusRules.Alerts)
        {
            alert.Severity.ShouldBeOneOf(Severity.Page, Severity.Ticket, Severity.None);
            alert.Summary.ShouldNotBeNullOrWhiteSpace();
            alert.Description.ShouldEndWith(alert.Description.EndsWith("{{ end }}", StringComparison.Ordinal) ? "{{ end }}" : ".");
        }
    }

    /// <summary>What must have data for an alert to be silent for a reason: the series of its objective, or those that it names.</summary>
    private static List<string> MetricsOf(string name)
    {
        if (name == "HighErrorRate") return ["http_requests_total"];
        if (name == "SlowResponseTime") return ["http_request_duration_seconds_bucket"];
        var alert = PrometheusRules.Alerts.First(a => a.Name == name);
        string expr = alert.Labels.FirstOrDefault(l => l.Name == "objective").Value is { } objective
            ? Objectives.All.Single(o => o.Name == objective) is var o && o == Objectives.Availability ? "http_requests_total" : $"{o.Good} {o.Total}"
            : alert.Expr;
        return [.. PromQl.Metrics(expr)];
    }

    private static double Number(Group group) => double.Parse(group.ValueSpan, CultureInfo.InvariantCulture);

    private static string Runbook() => File.ReadAllText(Path.Combine(Deploy.Root, AlertRule.Runbook)).ReplaceLineEndings("\n");

    /// <summary>Anchors of the runbook's headings as GitHub makes them: lower case, no punctuation, hyphens for spaces.</summary>
    private static HashSet<string> Anchors()
    {
        var anchors = new HashSet<string>();
        foreach (Match heading in Heading().Matches(Fence().Replace(Runbook(), "")))
        {
            string slug = Punctuation().Replace(heading.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-');
            // A second heading of the same words would get a number, and links would lead to the first.
            anchors.Add(slug).ShouldBeTrue($"{slug} is the anchor of two headings.");
        }
        return anchors;
    }

    [GeneratedRegex(@"> ([0-9.]+) \* ([0-9.]+)")]
    private static partial Regex BurnBound();

    [GeneratedRegex("^#{1,6} (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"^ *```.*?^ *```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"[^\p{L}\p{N}\p{M} _-]")]
    private static partial Regex Punctuation();
}
