using System.Diagnostics.Metrics;

namespace Rag.Caching;

/// <summary>The layers of the cache, as the metric's label names them.</summary>
internal static class CacheLayer
{
    public const string Question = "question", Evidence = "evidence", Embedding = "embedding";

    public static readonly IReadOnlyList<string> All = [Question, Evidence, Embedding];
}

internal sealed class CacheMetrics
{
    public const string MeterName = "Rag.Caching";

    private readonly Counter<long> _requests, _hits;
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
    }

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
