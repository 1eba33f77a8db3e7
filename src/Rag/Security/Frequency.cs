namespace Rag.Security;

/// <summary>
/// Counts different things by caller within a window of ten minutes, and says once in a window that there are too many.
/// Bounded in callers and in things; whoever has no room left is let go unseen rather than somebody else.
/// </summary>
/// <param name="limit">As many different things as are too many.</param>
internal sealed class Frequency(int limit, TimeProvider time)
{
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    private const int MaxCallers = 2_000;

    private sealed class State(DateTimeOffset began)
    {
        public readonly DateTimeOffset Began = began;
        public readonly HashSet<ulong> Seen = [];
        public bool Said;
    }

    private readonly Dictionary<string, State> _callers = [];

    /// <returns>Whether this is the one too many.</returns>
    public bool Add(string caller, ulong thing)
    {
        var now = time.GetUtcNow();
        if (!_callers.TryGetValue(caller, out var state) || now - state.Began >= Window)
        {
            if (_callers.Count >= MaxCallers)
                foreach (string over in _callers.Where(c => now - c.Value.Began >= Window).Select(c => c.Key).ToList()) _callers.Remove(over);
            if (_callers.Count >= MaxCallers && state is null) return false;
            _callers[caller] = state = new(now);
        }
        if (state.Said) return false;
        state.Seen.Add(thing);
        return state.Said = state.Seen.Count >= limit;
    }
}
