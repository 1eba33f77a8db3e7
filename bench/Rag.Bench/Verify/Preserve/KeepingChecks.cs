namespace Rag.Bench.Verify.Preserve;

/// <summary>Read-only mode, the maintenance procedure, retention.</summary>
internal static class KeepingChecks
{
    public static IEnumerable<Check> All() => [ReadOnlyCheck.Check, MaintainKillCheck.Check, RetentionYearsCheck.Check];
}
