using System.Diagnostics;

namespace Rag.Caching;

/// <summary>What one request may still wait for the second level, all its look-ups together.</summary>
internal sealed class WaitBudget(double milliseconds)
{
    private long _leftMicroseconds = (long)(milliseconds * 1000);

    public TimeSpan Left => TimeSpan.FromMicroseconds(Math.Max(0, Interlocked.Read(ref _leftMicroseconds)));

    public void Spend(long startedTimestamp) =>
        Interlocked.Add(ref _leftMicroseconds, -(long)Stopwatch.GetElapsedTime(startedTimestamp).TotalMicroseconds);
}

/// <summary>
/// A look-up under way. HybridCache knows keys and bytes only; what else the second level needs and says of a look-up
/// flows beside it. A look-up inside another's computation shares its budget.
/// </summary>
internal class CacheCall
{
    private static readonly AsyncLocal<CacheCall?> Flowing = new();

    public static CacheCall? Current
    {
        get => Flowing.Value;
        set => Flowing.Value = value;
    }

    public WaitBudget? Budget { get; set; }

    /// <summary>Whose words the value that is being written holds.</summary>
    public IReadOnlyList<string> Owners { get; set; } = [];

    /// <summary>The value came from the second level.</summary>
    public bool FromSecondLevel { get; set; }
}

/// <summary>Bytes that checked out but are not a value of the type that is asked for.</summary>
internal sealed class CacheValueException(string message, Exception? inner = null) : Exception(message, inner);
