using System.Diagnostics.Metrics;

namespace Rag.Caching;

/// <summary>The layers of the cache, as the metric's label names them.</summary>
internal static class CacheLayer
{
    public const string Question = "question", Evidence = "evidence", Embedding = "embedding";

    public static readonly IReadOnlyList<string> All = [Question, Evidence, Embedding];
}

/// <summary>What a look-up in Redis came to, as the metric's label names it.</summary>
internal enum SecondLevelRead
{
    Hit,
    Miss,
    Timeout,
    Error,
    /// <summary>Not asked: the circuit is open, or the request's time for Redis is used up.</summary>
    Skipped,
    Corrupt,
}

/// <summary>What became of a value that was to go to Redis.</summary>
internal enum SecondLevelWrite
{
    Written,
    Dropped,
    Failed,
}

internal sealed class CacheMetrics
{
    public const string MeterName = "Rag.Caching";

    private readonly Counter<long> _requests, _hits;
    private readonly Counter<long> _corrupt, _reads, _writes;
    private readonly long[] _readCounts = new long[Enum.GetValues<SecondLevelRead>().Length], _writeCounts = new long[Enum.GetValues<SecondLevelWrite>().Length];
    private readonly Dictionary<string, (KeyValuePair<string, object?> Tag, Count Count)> _layers;

    private sealed class Count
    {
        public long Requests, Hits;
    }

    public CacheMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _requests = meter.CreateCounter<long>("cache_requests", description: "Look-ups in the cache.");
        _hits = meter.CreateCounter<long>("cache_hits", description: "Look-ups that the cache answered.");
        _layers = CacheLayer.All.ToDictionary(l => l, l => (new KeyValuePair<string, object?>("layer", l), new Count()));
        // Series exist from the start, so that the first hit shows as an increase.
        foreach (var (tag, _) in _layers.Values)
        {
            _requests.Add(0, tag);
            _hits.Add(0, tag);
        }
        _corrupt = meter.CreateCounter<long>("rag_cache_corrupt", description: "Values in Redis that were damaged or none of ours.");
        _reads = meter.CreateCounter<long>("rag_cache_redis_reads", description: "Look-ups in Redis, by what they came to.");
        _writes = meter.CreateCounter<long>("rag_cache_redis_writes", description: "Values for Redis, by what became of them.");
        _corrupt.Add(0);
        foreach (var outcome in Enum.GetValues<SecondLevelRead>()) _reads.Add(0, Outcome(outcome));
        foreach (var outcome in Enum.GetValues<SecondLevelWrite>()) _writes.Add(0, Outcome(outcome));
    }

    public void SecondLevelRead(SecondLevelRead outcome)
    {
        _reads.Add(1, Outcome(outcome));
        Interlocked.Increment(ref _readCounts[(int)outcome]);
        if (outcome == Caching.SecondLevelRead.Corrupt) _corrupt.Add(1);
    }

    public void SecondLevelWrite(SecondLevelWrite outcome, int count = 1)
    {
        if (count == 0) return;
        _writes.Add(count, Outcome(outcome));
        Interlocked.Add(ref _writeCounts[(int)outcome], count);
    }

    public long Of(SecondLevelRead outcome) => Interlocked.Read(ref _readCounts[(int)outcome]);

    public long Of(SecondLevelWrite outcome) => Interlocked.Read(ref _writeCounts[(int)outcome]);

    private static KeyValuePair<string, object?> Outcome<T>(T outcome) where T : struct, Enum => new("outcome", outcome.ToString().ToLowerInvariant());

    public void Request(string layer, bool hit)
    {
        var (tag, count) = _layers[layer];
        _requests.Add(1, tag);
        Interlocked.Increment(ref count.Requests);
        if (!hit) return;
        _hits.Add(1, tag);
        Interlocked.Increment(ref count.Hits);
    }

    /// <summary>Look-ups and hits of a layer since the process started.</summary>
    public (long Requests, long Hits) Of(string layer) =>
        (Interlocked.Read(ref _layers[layer].Count.Requests), Interlocked.Read(ref _layers[layer].Count.Hits));
}
