using Rag.Foundation;

namespace Rag.Caching;

/// <summary>
/// A number in every key: raising it empties the cache at once. Replicas that share Redis agree on the greatest one,
/// which is the time of the last clearing in microseconds, so that it never goes back, not even when Redis is wiped.
/// </summary>
internal sealed class CacheGeneration(TimeProvider time)
{
    /// <summary>A number further in the future than clocks go apart is not one of ours.</summary>
    private static readonly TimeSpan MaxAhead = TimeSpan.FromDays(1);

    private long _value;

    public event Action? OnChange;

    public long Value => Volatile.Read(ref _value);

    public void Advance()
    {
        long now = Value;
        Adopt(Math.Max(now + 1, time.Microseconds()));
    }

    public bool Plausible(long value) => value >= 0 && value <= Clock.ToMicroseconds(time.GetUtcNow() + MaxAhead);

    /// <summary>Takes a greater number over.</summary>
    public void Adopt(long value)
    {
        long now;
        do
        {
            now = Value;
            if (value <= now) return;
        }
        while (Interlocked.CompareExchange(ref _value, value, now) != now);
        OnChange?.Invoke();
    }
}
