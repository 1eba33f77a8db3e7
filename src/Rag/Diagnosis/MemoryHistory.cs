using Microsoft.Extensions.Hosting;
using Rag.Caching;
using Rag.Telemetry;

namespace Rag.Diagnosis;

/// <param name="HeapBytes">The heap with what is not collected yet, without the cache, which has a bound of its own.</param>
internal sealed record MemorySample(DateTimeOffset At, long ResidentBytes, long HeapBytes);

/// <summary>How memory grew over a time.</summary>
/// <param name="From">The least in the first quarter of it, bytes: the floor between collections.</param>
/// <param name="To">The least in the last quarter.</param>
/// <param name="Steady">Whether each quarter's floor lies above the one before.</param>
internal sealed record Growth(TimeSpan Over, long From, long To, bool Steady)
{
    private const int Quarters = 4;

    private const int MinSamples = 3 * Quarters;

    /// <summary>Growth of one of the figures over all samples, the last half of them, and so on; none where there are too few to tell.</summary>
    /// <remarks>What began to grow an hour ago does not show in the quarters of a day.</remarks>
    public static IEnumerable<Growth> Of(IReadOnlyList<MemorySample> samples, Func<MemorySample, long> figure)
    {
        for (int count = samples.Count; count >= MinSamples; count /= 2) yield return Between([.. samples.Skip(samples.Count - count)], figure);
    }

    private static Growth Between(IReadOnlyList<MemorySample> samples, Func<MemorySample, long> figure)
    {
        long[] floors = [.. Enumerable.Range(0, Quarters).Select(q => samples.Skip(q * samples.Count / Quarters).Take(samples.Count / Quarters).Min(figure))];
        bool steady = floors.Zip(floors.Skip(1)).All(p => p.Second > p.First);
        return new(samples[^1].At - samples[0].At, floors[0], floors[^1], steady);
    }
}

/// <summary>Notes every minute what memory this process uses, for a day, so that growth can be told.</summary>
internal sealed class MemoryHistory(DiagnosisOptions options, LayeredCache cache, TimeProvider time) : BackgroundService
{
    private const int MaxSamples = 1_440;

    private readonly Queue<MemorySample> _samples = new();

    public IReadOnlyList<MemorySample> Samples
    {
        get { lock (_samples) return [.. _samples]; }
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        // What the start itself takes is no growth.
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.SampleSeconds), time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                lock (_samples)
                {
                    _samples.Enqueue(Now());
                    if (_samples.Count > MaxSamples) _samples.Dequeue();
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    public MemorySample Now() => new(time.GetUtcNow(), ProcessMetrics.Now.MemoryBytes, Math.Max(0, GC.GetTotalMemory(forceFullCollection: false) - cache.Local.SizeBytes));
}
