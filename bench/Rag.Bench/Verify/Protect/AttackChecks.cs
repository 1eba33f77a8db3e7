namespace Rag.Bench.Verify.Protect;

/// <summary>What attacks are seen, and what is taken for one.</summary>
internal static class AttackChecks
{
    public static IEnumerable<Check> All() => [];
}
