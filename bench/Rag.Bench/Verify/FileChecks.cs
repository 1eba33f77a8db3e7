using System.Diagnostics;
using Rag.Evaluation;
using Rag.Ingestion;

namespace Rag.Bench.Verify;

/// <summary>Real files, some broken, encrypted or odd on purpose: each is read, or refused with its reason.</summary>
internal static class FileChecks
{
    /// <summary>Reasons that say that a bound had to end the reading; no file of the collection needs that.</summary>
    private static readonly string[] BoundsHit = ["timeout", "hostile"];

    /// <summary>What is said of a file that took its parser down with it: refused, but a crash all the same.</summary>
    private const string Crash = "ended the process";

    public static IEnumerable<Check> All()
    {
        yield return new("files", "real files that are neither read nor refused with a reason, or go past the bounds", Relation.AtMost, 0, MeasureAsync);
    }

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        string folder = CheckContext.DataFolder("files");
        await using var store = await ScratchStore.StartNewAsync(Settings.NoModel, ct);
        var collection = await store.Get<Collections>().EnsureAsync(Collections.Default, language: null, ct);
        var limit = TimeSpan.FromMilliseconds(store.Get<IngestionOptions>().Parsing.TimeoutMs);
        int read = 0, refused = 0;
        var wrong = new List<string>();
        (double Seconds, string Name) slowest = default;
        var files = Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).ToList();
        foreach (string path in files)
        {
            string name = Path.GetFileName(path);
            long started = Stopwatch.GetTimestamp();
            try
            {
                var outcomes = await store.Get<Ingestor>().IngestAsync(collection, new(name, await File.ReadAllBytesAsync(path, ct)), ct).ToListAsync(ct);
                if (outcomes.Count == 0) wrong.Add($"{name}: no outcome");
                foreach (var outcome in outcomes)
                {
                    if (outcome.Status == IngestOutcome.Created) read++;
                    else if (outcome is not { Status: IngestOutcome.Failed, Reason.Length: > 0, Message.Length: > 0 }) wrong.Add($"{outcome.Uri}: {outcome.Status} without a reason");
                    else if (BoundsHit.Contains(outcome.Reason) || outcome.Message.Contains(Crash, StringComparison.Ordinal)) wrong.Add($"{outcome.Uri}: {outcome.Reason}, {outcome.Message}");
                    else refused++;
                }
            }
            catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
            {
                wrong.Add($"{name}: {e.GetType().Name} {e.Message}");
            }
            var took = Stopwatch.GetElapsedTime(started);
            if (took > limit) wrong.Add($"{name}: took {took.TotalSeconds:F1} s");
            if (took.TotalSeconds > slowest.Seconds) slowest = (took.TotalSeconds, name);
        }
        string note = $"{files.Count} files: {read} documents read, {refused} refused; slowest {slowest.Name} in {slowest.Seconds:F2} s";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join("; ", wrong.Take(10))}");
    }
}
