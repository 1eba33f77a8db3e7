namespace Rag.Bench.Verify.Protect;

/// <summary>What the audit record proves, and costs.</summary>
internal static class AuditChecks
{
    public static IEnumerable<Check> All() => [];
}
