using System.Globalization;

namespace Rag.Bench;

/// <summary>
/// <c>Rag.Bench [--quick] NAME…</c>: a JSON line for each comparison; without a name, all. <c>growth</c> takes sizes
/// after it, as in <c>growth 10000 1000000</c>.
/// </summary>
internal static class Benchmarks
{
    private const string Growth = "growth";
    private const int QuickGrowth = 10_000;

    private static readonly IReadOnlyDictionary<string, Func<bool, CancellationToken, Task<BenchResult>>> Single = new Dictionary<string, Func<bool, CancellationToken, Task<BenchResult>>>
    {
        ["ask"] = AskBench.RunAsync,
        ["cached"] = CachedBench.RunAsync,
        ["ingest"] = IngestBench.RunAsync,
        ["ingest-embedded"] = IngestBench.RunWithEmbeddingsAsync,
        ["startup"] = StartupBench.RunAsync,
    };

    public static async Task<int> RunAsync(string[] args, CancellationToken ct)
    {
        bool quick = args.Contains("--quick");
        var sizes = args.Where(a => int.TryParse(a, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n > 0).Select(a => int.Parse(a, CultureInfo.InvariantCulture)).ToList();
        var names = args.Where(a => a != "--quick" && !a.All(char.IsAsciiDigit)).ToList();
        if (names.FirstOrDefault(n => n != Growth && !Single.ContainsKey(n)) is { } unknown)
        {
            await Console.Error.WriteLineAsync($"error: there is no bench {unknown}. Usage: Rag.Bench [--quick] [{string.Join("] [", Single.Keys)}] [{Growth} [SIZE…]]");
            return 2;
        }
        foreach (string name in names.Count > 0 ? names : [.. Single.Keys, Growth])
        {
            if (name != Growth) Console.WriteLine(await Single[name](quick, ct));
            else await GrowthBench.RunAsync(sizes.Count > 0 ? sizes : quick ? [QuickGrowth] : GrowthBench.DefaultSizes, Console.WriteLine, ct);
        }
        return 0;
    }
}
