namespace Rag.Bench.Verify.Protect;

/// <summary>What of the documents reaches whom.</summary>
internal static class PermissionChecks
{
    public static IEnumerable<Check> All() => [];
}
