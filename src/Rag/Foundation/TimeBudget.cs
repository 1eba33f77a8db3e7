namespace Rag.Foundation;

/// <summary>The most that a question may take, whatever it waits for.</summary>
internal static class TimeBudget
{
    /// <summary>Runs the work, cancels it when its time is up, and goes on without it where it does not listen.</summary>
    /// <exception cref="RagException">Unavailable: the time is up.</exception>
    public static async ValueTask<T> RunAsync<TState, T>(int limitMs, TState state, Func<TState, CancellationToken, ValueTask<T>> work, CancellationToken ct)
    {
        using var budget = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var running = work(state, budget.Token);
        // What the cache has is there at once and never pays for a timer.
        if (running.IsCompleted) return await running;
        budget.CancelAfter(limitMs);
        try
        {
            return await running.AsTask().WaitAsync(budget.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested && budget.IsCancellationRequested)
        {
            throw new RagException(ErrorKind.Unavailable, $"This took longer than {limitMs / 1000.0:0.#} s and was given up.", "Try again shortly; 'rag status' shows what is slow or away. Server:QuestionTimeoutMs sets the bound.");
        }
    }
}
