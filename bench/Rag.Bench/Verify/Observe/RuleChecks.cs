using System.Text.RegularExpressions;
using Rag.Slo.Export;
using Rag.Testing;

namespace Rag.Bench.Verify.Observe;

/// <summary>The rules and the configuration of Alertmanager, by the tools of Prometheus itself.</summary>
internal static partial class RuleChecks
{
    /// <summary>Of a quick run: what objectives page for, and what they do not.</summary>
    private const string Quick = "objectives.yml";

    public static IEnumerable<Check> All()
    {
        yield return new("rules", "files of rules and routes that promtool check rules --lint-fatal and amtool check-config refuse, and that are not what the objectives make", Relation.AtMost, 0, LintAsync);
        yield return new("rule-tests", "files of rule tests that fail, and alerts without a case in which they fire and one in which they do not", Relation.AtMost, 0, TestAsync);
    }

    private static async Task<Measured> LintAsync(CheckContext context, CancellationToken ct)
    {
        var wrong = new List<string>();
        foreach (var (path, content) in PrometheusExport.Files())
        {
            string file = Path.Combine(Deploy, path);
            if (await File.ReadAllTextAsync(file, ct) != content) wrong.Add($"{path} is not what the objectives make");
            if (await ProblemAsync(path.EndsWith(".rules.yml", StringComparison.Ordinal) ? ["promtool", "check", "rules", "--lint=all", "--lint-fatal", file] : ["amtool", "check-config", file], ct) is { } problem) wrong.Add(problem);
        }
        return new(wrong.Count, wrong.Count == 0 ? $"{PrometheusRules.Alerts.Count} alerts of its own, and the runbook's {PrometheusRules.NamesOfTheRunbook.Count}" : string.Join(" | ", wrong));
    }

    private static async Task<Measured> TestAsync(CheckContext context, CancellationToken ct)
    {
        var wrong = new List<string>();
        var text = new System.Text.StringBuilder();
        string[] files = Directory.GetFiles(Path.Combine(Deploy, "prometheus", "tests"), "*.yml");
        foreach (string file in files) text.AppendLine(await File.ReadAllTextAsync(file, ct));
        var run = files.Where(f => !context.Quick || Path.GetFileName(f) == Quick).ToList();
        string?[] problems = await Task.WhenAll(run.Select(async file => await ProblemAsync(["promtool", "test", "rules", file], ct) is { } problem ? $"{Path.GetFileName(file)}: {problem}" : null));
        wrong.AddRange(problems.OfType<string>());
        // A misspelt name would pass as a negative; whatever fires somewhere is spelt as the rules spell it.
        string all = text.ToString();
        wrong.AddRange(PrometheusRules.Alerts.Select(a => a.Name).Concat(PrometheusRules.NamesOfTheRunbook).Distinct()
            .Where(a => !Regex.IsMatch(all, $"alertname=\"{a}\"|alertname: {a}\\s")).Select(a => $"{a} fires in no test"));
        string note = $"{run.Count} files{(context.Quick ? $"; smaller: {Quick} of {files.Length} files" : $", {CaseStart().Count(all)} cases")}";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join(" | ", wrong)}");
    }

    [GeneratedRegex(@"^\s*- interval:|input_series:", RegexOptions.Multiline)]
    private static partial Regex CaseStart();

    private static string Deploy => Path.Combine(LocalCluster.Root(), "deploy");

    private static async Task<string?> ProblemAsync(string[] command, CancellationToken ct)
    {
        string tool = ChildServer.Find(command[0]) ?? throw new CannotMeasureException($"not installed: {command[0]}; deploy/prometheus/README.md says what to install");
        try
        {
            await ChildServer.RunAsync(tool, command.Skip(1), ct);
            return null;
        }
        catch (InvalidOperationException e)
        {
            return e.Message.ReplaceLineEndings(" ");
        }
    }
}
