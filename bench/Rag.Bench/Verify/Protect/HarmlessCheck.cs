namespace Rag.Bench.Verify.Protect;

internal static class HarmlessCheck
{
    public static IEnumerable<Check> All() => [];
}
