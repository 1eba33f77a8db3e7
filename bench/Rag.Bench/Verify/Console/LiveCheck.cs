using System.Globalization;
using System.Net.Http.Json;

namespace Rag.Bench.Verify.Console;

/// <summary>
/// A question that the cache knows, asked of one replica while many consoles are open on it, against the same while none is: in turns,
/// with a document written every second in both.
/// </summary>
internal static class LiveCheck
{
    private const int Consoles = 500, QuickConsoles = 100, Connections = 16, Rounds = 9, QuickRounds = 3;

    /// <summary>Consoles fetch their pages every five to nine seconds while something changes.</summary>
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(10), QuickDuration = TimeSpan.FromSeconds(3), Settle = TimeSpan.FromSeconds(6);

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        int consoles = context.Quick ? QuickConsoles : Consoles;
        var duration = context.Quick ? QuickDuration : Duration;
        string folder = Directory.CreateTempSubdirectory("rag-live-").FullName;
        try
        {
            await using var server = ServerProcess.StartRag(Path.Combine(folder, "data"));
            await server.WaitReadyAsync(ct);
            await CachedBench.FillAsync(server, ct);
            byte[] request = CachedBench.Request(server);
            // Half look at how it goes, the others ask and look after documents.
            var pages = Enumerable.Range(0, consoles).Select(i => i % 2 == 0 ? "/operate" : i % 4 == 1 ? "/" : "/documents").ToList();
            var (events, fetches) = (0, 0);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var writing = WriteAsync(server, stop.Token);
            await LoadAsync();
            var rounds = await Bench.Rounds.RunAsync(context.Quick ? QuickRounds : Rounds, async _ =>
            {
                await using var crowd = await ConsoleCrowd.OpenAsync(server.Http.BaseAddress!, pages, ct);
                await Task.Delay(Settle, ct);
                var before = crowd.Counts;
                double perSecond = await LoadAsync();
                var after = crowd.Counts;
                if (after.Failures > 0) throw new InvalidOperationException($"{after.Failures} times a console was refused: {after.Failure}");
                events += after.Events - before.Events;
                fetches += after.Fetches - before.Fetches;
                return perSecond;
            }, _ => LoadAsync());
            await stop.CancelAsync();
            int written = await writing;
            if (fetches == 0) throw new InvalidOperationException("No console fetched its page: nothing was live.");
            var result = BenchResult.Of("live", "requests/s", rounds);
            double seconds = (rounds.Count + 1) * duration.TotalSeconds;
            string note = string.Create(CultureInfo.InvariantCulture,
                $"{result.Ours} against {result.Baseline} {result.Unit}; {result.Rounds} rounds from {result.RatioLow} to {result.RatioHigh}; {consoles} consoles heard {events / seconds:F0} events and fetched {fetches / seconds:F0} pages a second; {written} documents written meanwhile");
            return new(result.Ratio!.Value, context.Quick ? note + $"; smaller: {QuickConsoles} of {Consoles} consoles, fewer and shorter rounds" : note);

            async Task<double> LoadAsync() => (await HttpLoad.RunAsync(server.Port, request, Connections, duration, ct)).RequestsPerSecond;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A document every second, into another collection than the one that is asked.</summary>
    private static async Task<int> WriteAsync(ServerProcess server, CancellationToken stop)
    {
        int written = 0;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                using var put = await server.Http.PostAsJsonAsync("/v1/collections/news/documents", new { uri = $"news/{written}.txt", title = $"News {written}", text = $"Notice {written}: the gate is open from eight to five." }, stop);
                put.EnsureSuccessStatusCode();
                written++;
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        return written;
    }
}
