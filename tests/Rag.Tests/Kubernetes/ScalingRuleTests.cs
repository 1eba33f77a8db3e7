using System.Globalization;
using System.Text;
using k8s.Models;
using Rag.Testing.Kubernetes;
using Rag.Tests.Slo;

namespace Rag.Tests.Kubernetes;

/// <summary>The alternative for older clusters: a recording rule in a real Prometheus' own test, and the autoscaler that follows it.</summary>
public sealed class ScalingRuleTests
{
    [Theory]
    // Replicas, share before, share after ten minutes, then what is wanted after so many minutes more.
    [InlineData(3, 0.5, 0.75, 4, 3)]
    [InlineData(3, 0.5, 0.75, 7, 4)]
    [InlineData(15, 0.5, 0.72, 7, 17)]
    [InlineData(10, 0.5, 0.695, 30, 10)]
    [InlineData(10, 0.5, 0.31, 30, 10)]
    [InlineData(10, 0.5, 0.2, 9, 10)]
    [InlineData(10, 0.5, 0.2, 12, 3)]
    [InlineData(20, 0.5, 1.0, 7, 29)]
    public async Task The_rule_asks_for_what_the_guidelines_say(int replicas, double before, double after, int minutes, int wanted)
    {
        string values = string.Join('\n', Enumerable.Range(0, replicas).Select(i => string.Create(CultureInfo.InvariantCulture,
            $"      - series: 'process_cpu_seconds_total{{job=\"rag-system\",replica=\"r{i}\"}}'\n        values: '0+{before * 15}x40 {before * 15 * 40 + after * 15}+{after * 15}x200'\n      - series: 'rag_cpu_limit_cores{{job=\"rag-system\",replica=\"r{i}\"}}'\n        values: '1x240'")));
        (await TestAsync(values, $"rag_system_desired_replicas", 10 + minutes, $"'rag_system_desired_replicas{{namespace=\"rag-system\"}}'", wanted)).ShouldContain("SUCCESS");
    }

    [Fact]
    public async Task The_test_of_the_rule_can_fail()
    {
        string values = "      - series: 'process_cpu_seconds_total{job=\"rag-system\",replica=\"r\"}'\n        values: '0+3x240'\n      - series: 'rag_cpu_limit_cores{job=\"rag-system\",replica=\"r\"}'\n        values: '1x240'";
        await Should.ThrowAsync<InvalidOperationException>(() => TestAsync(values, "rag_system_desired_replicas", 20, "'rag_system_desired_replicas{namespace=\"rag-system\"}'", 7));
    }

    [Fact]
    public async Task The_autoscaler_follows_each_number_that_the_rule_can_give()
    {
        var scaler = (await Rendered.LoadAsync("older-clusters")).Select(m => m.Typed).OfType<V2HorizontalPodAutoscaler>().Single();
        var now = new DateTimeOffset(2026, 3, 2, 8, 0, 0, TimeSpan.Zero);
        for (int current = 3; current <= 20; current++)
            for (int percent = 71; percent <= 100; percent++)
            {
                // As the rule reckons: at least a ninth more, because an autoscaler overlooks a tenth.
                int asked = (int)Math.Ceiling(current * Math.Max(percent / 70.0, 1.11));
                new Autoscaler(scaler, 1).Look(now, current, [], asked).ShouldBe(Math.Min(asked, 20), $"{current} at {percent} %");
            }
        for (int current = 4; current <= 20; current++)
        {
            new Autoscaler(scaler, 1).Look(now, current, [], current).ShouldBe(current);
            new Autoscaler(scaler, 1).Look(now, current, [], Math.Ceiling(current * 0.29 / 0.7)).ShouldBe(Math.Max(3, (int)Math.Ceiling(current * 0.29 / 0.7)));
        }
    }

    [Fact]
    public async Task Only_the_overlay_for_older_clusters_has_the_rule()
    {
        foreach (string overlay in Manifests.Overlays)
            (await Rendered.LoadAsync(overlay)).Any(m => m is { Kind: "PrometheusRule", Name: "rag-system-scaling" }).ShouldBe(overlay == "older-clusters");
    }

    private static async Task<string> TestAsync(string series, string expr, int atMinutes, string labels, double value)
    {
        var rule = (await Rendered.LoadAsync("older-clusters")).Select(m => m.Typed).OfType<PrometheusRule>().Single(r => r.Metadata.Name == "rag-system-scaling");
        string folder = Directory.CreateTempSubdirectory("rag-rule-").FullName;
        try
        {
            var rules = new StringBuilder("groups:\n");
            foreach (var group in rule.Spec!.Groups)
            {
                rules.Append(CultureInfo.InvariantCulture, $"  - name: {group.Name}\n    interval: {group.Interval}\n    rules:\n");
                foreach (var r in group.Rules)
                {
                    rules.Append(CultureInfo.InvariantCulture, $"      - record: {r.Record}\n        expr: |-\n          {r.Expr.Replace("\n", "\n          ")}\n");
                    if (r.Labels is { Count: > 0 }) rules.Append("        labels:\n").AppendJoin("", r.Labels.Select(l => $"          {l.Key}: {l.Value}\n"));
                }
            }
            await File.WriteAllTextAsync(Path.Combine(folder, "rules.yml"), rules.ToString(), TestContext.Current.CancellationToken);
            string test = Path.Combine(folder, "test.yml");
            await File.WriteAllTextAsync(test, string.Create(CultureInfo.InvariantCulture,
                $"rule_files: [rules.yml]\nevaluation_interval: 15s\ntests:\n  - interval: 15s\n    input_series:\n{series}\n    promql_expr_test:\n      - expr: {expr}\n        eval_time: {atMinutes}m\n        exp_samples:\n          - labels: {labels}\n            value: {value}\n"), TestContext.Current.CancellationToken);
            return await Deploy.RunAsync("promtool", "test", "rules", test);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
