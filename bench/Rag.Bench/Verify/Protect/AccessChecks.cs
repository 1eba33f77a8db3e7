namespace Rag.Bench.Verify.Protect;

/// <summary>Who may reach which route and command.</summary>
internal static class AccessChecks
{
    public static IEnumerable<Check> All() => [];
}
