namespace Rag.Slo.Export.Dashboards;

/// <summary>Thresholds of panels: colours that say whether a promise holds.</summary>
internal static class Limits
{
    private const string Good = "green", Warning = "yellow", Bad = "red";

    /// <summary>Good from the limit on.</summary>
    public static IReadOnlyList<Threshold> AtLeast(double limit) => [new(null, Bad), new(limit, Good)];

    /// <summary>Good below the limit.</summary>
    public static IReadOnlyList<Threshold> Below(double limit) => [new(null, Good), new(limit, Bad)];

    /// <summary>A warning from the first to the second limit.</summary>
    public static IReadOnlyList<Threshold> Below(double warning, double limit) => [new(null, Good), new(warning, Warning), new(limit, Bad)];

    /// <summary>Whatever happens at all is worth a look; a share or number this small is none.</summary>
    public static IReadOnlyList<Threshold> None { get; } = [new(null, Good), new(0.0001, Warning)];

    public static IReadOnlyList<Mapping> UpOrDown { get; } = [new(0, "down", Bad), new(1, "up", Good)];
}
