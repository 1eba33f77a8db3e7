namespace Rag.Slo.Export.Dashboards;

/// <summary>One line, or family of lines, of a panel.</summary>
/// <param name="Expr">PromQL, with Grafana's variables.</param>
/// <param name="Legend">With labels as <c>{{label}}</c>.</param>
internal sealed record Query(string Expr, string Legend)
{
    /// <summary>Evaluated once, at the end of the time range: figures over days cost too much at every point of a graph.</summary>
    public bool Instant { get; init; }
}

/// <summary>How a panel is drawn; the names are Grafana's.</summary>
internal enum PanelKind
{
    Timeseries,
    Stat,
    Bargauge,
    StateTimeline,
}

/// <summary>From this value on, this colour. The first of a panel has no value: it is what lies below all others.</summary>
internal sealed record Threshold(double? From, string Color);

/// <summary>What is shown in the place of a number.</summary>
internal sealed record Mapping(double Value, string Text, string Color);

/// <summary>A panel as data.</summary>
/// <param name="Unit">As Grafana names it: <c>s</c>, <c>percentunit</c> for shares from 0 to 1, <c>reqps</c> …</param>
/// <param name="Section">Heading of the runbook that says what to do.</param>
internal sealed record Panel(string Title, string Unit, string Section, params Query[] Queries)
{
    /// <summary>Null where the panel is about one metric: then it is what that metric's instrument says of itself.</summary>
    public string? Description { get; init; }

    public PanelKind Kind { get; init; } = PanelKind.Timeseries;

    /// <summary>In columns, of which the dashboard has 24.</summary>
    public int Width { get; init; } = 8;

    public int Height { get; init; } = 8;

    public int? Decimals { get; init; }

    public double? Max { get; init; }

    public IReadOnlyList<Threshold> Thresholds { get; init; } = [];

    public IReadOnlyList<Mapping> Mappings { get; init; } = [];
}

internal sealed record Row(string Title, params Panel[] Panels);

/// <summary>A dashboard as data.</summary>
/// <param name="Uid">Part of its address, and the same in every release.</param>
/// <param name="Routes">Whether the variable <c>route</c> narrows it.</param>
internal sealed record Dashboard(string Uid, string Title, string Description, bool Routes, params Row[] Rows)
{
    public IEnumerable<Panel> Panels => Rows.SelectMany(r => r.Panels);
}
