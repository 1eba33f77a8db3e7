namespace Rag.Bench;

/// <summary><c>Rag.Bench [--quick] NAME…</c>: a JSON line for each comparison; without a name, all.</summary>
internal static class Benchmarks
{
    private static readonly IReadOnlyDictionary<string, Func<bool, CancellationToken, Task<BenchResult>>> All = new Dictionary<string, Func<bool, CancellationToken, Task<BenchResult>>>
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
        var names = args.Where(a => a != "--quick").ToList();
        if (names.FirstOrDefault(n => !All.ContainsKey(n)) is { } unknown)
        {
            await Console.Error.WriteLineAsync($"error: there is no bench {unknown}. Usage: Rag.Bench [--quick] {string.Join('|', All.Keys)}…");
            return 2;
        }
        foreach (string name in names.Count > 0 ? names : All.Keys) Console.WriteLine(await All[name](quick, ct));
        return 0;
    }
}
