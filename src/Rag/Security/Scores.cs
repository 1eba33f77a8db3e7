using Rag.Audit;

namespace Rag.Security;

/// <summary>
/// What each caller's signs add up to at this replica: for every pattern, half as much after each half-life. Bounded: of more
/// callers than are kept those go first that have done least.
/// </summary>
internal sealed class Scores(SecurityOptions options, TimeProvider time)
{
    public const int MaxCallers = 10_000;

    private sealed class State
    {
        public readonly Dictionary<string, double> ByPattern = [];
        public DateTimeOffset At;
        public double Total => ByPattern.Values.Sum();
    }

    private readonly Lock _lock = new();
    private readonly Dictionary<string, State> _callers = [];
    private readonly TimeSpan _halfLife = TimeSpan.FromMinutes(options.HalfLifeMinutes);

    /// <summary>Adds a sign; says whether it is an event: by its own weight, or because signs have added up.</summary>
    /// <param name="weight">At least <paramref name="alarm"/>: an event, whatever was before.</param>
    public bool Add(string caller, string pattern, double weight, double alarm)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            if (!_callers.TryGetValue(caller, out var state))
            {
                if (_callers.Count >= MaxCallers) Forget(now);
                _callers[caller] = state = new();
            }
            Age(state, now);
            double before = state.ByPattern.GetValueOrDefault(pattern), after = before + weight;
            state.ByPattern[pattern] = after;
            // Signs count once: the next event takes as many again.
            return weight >= alarm || Math.Floor(after / options.Threshold) > Math.Floor(before / options.Threshold);
        }
    }

    public double Of(string caller)
    {
        lock (_lock)
        {
            if (!_callers.TryGetValue(caller, out var state)) return 0;
            Age(state, time.GetUtcNow());
            return state.Total;
        }
    }

    private void Age(State state, DateTimeOffset now)
    {
        double factor = Decay.Factor(now - state.At, _halfLife);
        if (factor < 1)
            foreach (string pattern in state.ByPattern.Keys.ToList())
            {
                double left = state.ByPattern[pattern] * factor;
                if (left < 0.01) state.ByPattern.Remove(pattern);
                else state.ByPattern[pattern] = left;
            }
        state.At = now;
    }

    private void Forget(DateTimeOffset now)
    {
        foreach (var state in _callers.Values) Age(state, now);
        foreach (string least in _callers.OrderBy(c => c.Value.Total).Take(MaxCallers / 10).Select(c => c.Key).ToList()) _callers.Remove(least);
    }
}
