using System.Globalization;
using Rag.Caching;
using Rag.Telemetry;

namespace Rag.Diagnosis;

/// <summary>Memory of this process beside its limit, how it grew, and on request what lies on the heap.</summary>
internal sealed class MemoryDiagnosis(MemoryHistory history, LayeredCache cache, CachingOptions caching) : IDiagnosis
{
    private const double High = 0.8, Full = 0.95;
    private const long GrowthBytes = 64_000_000;
    private const double GrowthShare = 0.25;
    private const int ShownTypes = 5, CollectionPolls = 60;
    private static readonly TimeSpan CollectionPoll = TimeSpan.FromMilliseconds(50);

    public string Area => Areas.Memory;

    public async Task<IReadOnlyList<Finding>> LookAsync(DoctorRequest request, CancellationToken ct)
    {
        var findings = new Findings(Area);
        var use = ProcessMetrics.Now;
        var gc = GC.GetGCMemoryInfo(GCKind.Any);
        var (entries, cached) = cache.Local;
        string heap = string.Create(CultureInfo.InvariantCulture,
            $"heap {Mb(gc.HeapSizeBytes)} ({string.Join(", ", gc.GenerationInfo.ToArray().Select((g, n) => $"{Generation(n)} {Mb(g.SizeAfterBytes)}"))}), collections {GC.CollectionCount(0)}/{GC.CollectionCount(1)}/{GC.CollectionCount(2)}");
        string evidence = string.Create(CultureInfo.InvariantCulture, $"{Mb(use.MemoryBytes)} resident of {Mb(use.MemoryLimitBytes)}; {heap}; cache {entries} entries, {Mb(cached)} of {caching.SizeMb} MiB");
        double share = use.MemoryBytes / (double)use.MemoryLimitBytes;
        const string Killed = "At the limit the system ends the process without asking.";
        if (share > Full) findings.Critical("full", "The memory limit is nearly reached.", evidence, Killed, "kubectl top pods --sort-by=memory");
        else if (share > High) findings.Warning("high", "Memory is above 80 % of its limit.", evidence, Killed, "kubectl top pods --sort-by=memory");
        string grown = await LeakAsync(findings, evidence, ct);
        if (request.Heap) await HeapAsync(findings, ct);
        if (findings.Well) findings.Ok("room", "There is memory left, and it does not grow without end.", $"{evidence}; {grown}");
        return findings;
    }

    private async Task<string> LeakAsync(Findings findings, string evidence, CancellationToken ct)
    {
        var samples = history.Samples;
        var heaps = Growth.Of(samples, s => s.HeapBytes).ToList();
        var residents = Growth.Of(samples, s => s.ResidentBytes).ToList();
        if (heaps.Count == 0) return $"{samples.Count} samples, too few to tell growth";
        int window = Math.Max(0, heaps.FindIndex(Leaks) is >= 0 and var at ? at : residents.FindIndex(Leaks));
        var (heap, resident) = (heaps[window], residents[window]);
        string grown = string.Create(CultureInfo.InvariantCulture, $"in {Span(heap.Over)} the floor of the heap without the cache went from {Mb(heap.From)} to {Mb(heap.To)}, that of resident memory from {Mb(resident.From)} to {Mb(resident.To)}");
        const string Meaning = "Something keeps what nobody needs, and the process runs into its limit.";
        // What grew may be waiting to be collected: what is still there after that is kept.
        bool kept = Leaks(heap) && await CollectedAsync(ct) - cache.Local.SizeBytes is var live && Leaks(heap with { To = live });
        if (kept) findings.Warning("leak", "The heap grows and grows.", $"{grown}; {evidence}", Meaning, "rag doctor memory --heap");
        else if (!Leaks(heap) && Leaks(resident)) findings.Warning("native_leak", "Memory outside the heap grows and grows.", $"{grown}; {evidence}", Meaning, $"kubectl delete pod {Environment.MachineName}");
        return grown;
    }

    /// <summary>Every quarter's floor above the one before, and the growth more than a process does while it warms up.</summary>
    private static bool Leaks(Growth growth) => growth.Steady && growth.To - growth.From > Math.Max(GrowthBytes, GrowthShare * growth.From);

    /// <summary>The heap after a collection of all of it, beside what runs, bytes.</summary>
    private static async Task<long> CollectedAsync(CancellationToken ct)
    {
        int before = GC.CollectionCount(2);
        GC.Collect(2, GCCollectionMode.Forced, blocking: false);
        // One in the background is counted when it begins; it has ended when the next figure stands.
        long index = GC.GetGCMemoryInfo(GCKind.Any).Index;
        for (int i = 0; i < CollectionPolls && (GC.CollectionCount(2) == before || GC.GetGCMemoryInfo(GCKind.Background).Index < index); i++) await Task.Delay(CollectionPoll, ct);
        return GC.GetTotalMemory(forceFullCollection: false);
    }

    private static async Task HeapAsync(Findings findings, CancellationToken ct)
    {
        try
        {
            var types = await Trace.HeapAsync(ct);
            string evidence = string.Join(", ", types.Take(ShownTypes).Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Type} {t.Objects:N0} objects, {Mb(t.Bytes)}")));
            findings.Notice("heap", "The types that take most of the heap.", evidence, "Compare with the same some minutes later: what grows is what is kept.");
        }
        catch (Exception e) when (Trace.Refused(e))
        {
            findings.Notice("no_heap", "The heap could not be read.", e.Message, "The largest types are not known.");
        }
    }

    private static string Generation(int index) => index switch { 3 => "large", 4 => "pinned", _ => index.ToString(CultureInfo.InvariantCulture) };

    private static string Mb(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F0} MB");

    private static string Span(TimeSpan span) => span.TotalMinutes < 2 ? $"{span.TotalSeconds:F0} s" : $"{span.TotalMinutes:F0} min";
}
