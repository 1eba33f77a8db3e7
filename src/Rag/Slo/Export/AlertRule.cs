namespace Rag.Slo.Export;

/// <summary>Who hears of an alert, as its label <c>severity</c> has it.</summary>
internal static class Severity
{
    /// <summary>Somebody is called, at any hour.</summary>
    public const string Page = "page";

    /// <summary>Somebody looks at it on a working day.</summary>
    public const string Ticket = "ticket";

    /// <summary>Nobody: the alert is there to silence others.</summary>
    public const string None = "none";
}

/// <summary>An alert of the product in Prometheus.</summary>
/// <param name="Expr">PromQL; the alert is pending while it has a result. Its value is <c>$value</c> in the texts.</param>
/// <param name="For">How long it must hold, such as <c>5m</c>; empty where the expression looks back far enough itself.</param>
/// <param name="Summary">A line; Prometheus' templates allowed.</param>
/// <param name="Description">What is so, with figures.</param>
internal sealed record AlertRule(string Name, string Severity, string For, string Expr, string Summary, string Description)
{
    /// <summary>Where the runbook lies; whoever publishes it elsewhere changes this line.</summary>
    public const string Runbook = "docs/operations/runbook.md";

    /// <summary>Heading in the runbook's section on alerts: a single word, so that its anchor is that word in lower case.</summary>
    public string Section { get; init; } = Name;

    /// <summary>Labels beside <c>severity</c> and those of the expression.</summary>
    public IReadOnlyList<(string Name, string Value)> Labels { get; init; } = [];

    /// <summary>Whether a database that is away brings it about, so that the alert on the database says enough.</summary>
    public bool FollowsDatabase { get; init; }

    public string RunbookUrl => $"{Runbook}#{Section.ToLowerInvariant()}";

    /// <summary>An item of a group's <c>rules</c>, at column 0.</summary>
    public string ToYaml()
    {
        var lines = new List<string> { $"- alert: {Name}", "  expr: |-", Yaml.Indented(Expr, 4) };
        if (For.Length > 0) lines.Add($"  for: {For}");
        lines.Add("  labels:");
        lines.Add($"    severity: {Severity}");
        // Sums lose it, and a silence over the product's alerts must find them all.
        lines.Add($"    job: {Objectives.Job}");
        lines.AddRange(Labels.Select(label => $"    {label.Name}: {label.Value}"));
        lines.Add("  annotations:");
        lines.Add($"    summary: {Yaml.Quoted(Summary)}");
        lines.Add($"    description: {Yaml.Quoted(Description)}");
        lines.Add($"    runbook_url: {Yaml.Quoted(RunbookUrl)}");
        return string.Join('\n', lines);
    }
}
