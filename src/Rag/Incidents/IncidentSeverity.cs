namespace Rag.Incidents;

/// <summary>The runbook's four severities: how bad it is, and by when somebody has to respond.</summary>
internal static class IncidentSeverity
{
    public const string P0 = "P0", P1 = "P1", P2 = "P2", P3 = "P3";

    /// <summary>Worst first; the order of the names is the order of the severities.</summary>
    public static readonly IReadOnlyList<string> All = [P0, P1, P2, P3];

    public static string Meaning(string severity) => severity switch
    {
        P0 => "Critical: service down, or data at risk",
        P1 => "High: major functionality impaired",
        P2 => "Medium: minor functionality impaired",
        _ => "Low: cosmetic, or a wish",
    };

    public static bool Knows(string? severity) => severity is P0 or P1 or P2 or P3;

    public static string Worse(string one, string other) => string.CompareOrdinal(one, other) <= 0 ? one : other;
}

/// <summary>Who is told. The runbook's contacts, as roles: who holds one is configuration of the channels.</summary>
internal static class IncidentRole
{
    public const string OnCall = "on-call-engineer", DevOps = "devops-team", Manager = "engineering-manager";

    public static readonly IReadOnlyList<string> All = [OnCall, DevOps, Manager];
}
