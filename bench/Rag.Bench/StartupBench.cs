namespace Rag.Bench;

/// <summary>The real <c>rag serve</c> on a data directory with many chunks: seconds from the start of the process to the first 200 of <c>/readyz</c>.</summary>
internal static class StartupBench
{
    public const int Chunks = 200_000;
    public const int QuickChunks = 10_000;

    public static async Task<BenchResult> RunAsync(bool quick, CancellationToken ct)
    {
        int chunks = quick ? QuickChunks : Chunks, starts = quick ? 2 : 5;
        await using var store = await GeneratedStore.CreateAsync(chunks, ct);
        await store.StopAsync();
        var seconds = new List<double>();
        double residentMb = 0;
        for (int i = 0; i < starts; i++)
        {
            await using var server = ServerProcess.StartRag(store.DataDirectory);
            seconds.Add(await server.WaitReadyAsync(ct));
            residentMb = server.ResidentMb;
        }
        return BenchResult.Alone("startup", "s until ready", BenchResult.Median(seconds), new Dictionary<string, double>
        {
            ["chunks"] = chunks,
            ["starts"] = starts,
            ["fastest_s"] = BenchResult.Round(seconds.Min()),
            ["slowest_s"] = BenchResult.Round(seconds.Max()),
            ["resident_mb"] = BenchResult.Round(residentMb),
        });
    }
}
