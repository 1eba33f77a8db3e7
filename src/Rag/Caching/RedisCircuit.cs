namespace Rag.Caching;

/// <summary>
/// Whether Redis may be asked. It opens at the first answer that takes too long, and after a few errors in a row; a
/// question then does not ask at all. Only the probe beside the requests closes it: no question is ever the one that
/// tries. It begins open, for nothing is connected yet.
/// </summary>
internal sealed class RedisCircuit
{
    /// <summary>Errors come at once and cost no wait; one node of a cluster that is away need not shut the others out.</summary>
    private const int MaxErrors = 3;

    private TaskCompletionSource _opened = NewSignal();
    private int _errors;
    private long _openings;
    private volatile bool _open = true;

    public bool IsOpen => _open;

    /// <summary>How often it opened since it was first closed.</summary>
    public long Openings => Interlocked.Read(ref _openings);

    /// <summary>Completes when it opens the next time.</summary>
    public Task NextOpening => Volatile.Read(ref _opened).Task;

    public void Succeeded() => Volatile.Write(ref _errors, 0);

    public void TimedOut() => Open();

    public void Failed()
    {
        if (Interlocked.Increment(ref _errors) >= MaxErrors) Open();
    }

    public void Close()
    {
        Volatile.Write(ref _errors, 0);
        _open = false;
    }

    public void Open()
    {
        if (_open) return;
        _open = true;
        Interlocked.Increment(ref _openings);
        Interlocked.Exchange(ref _opened, NewSignal()).TrySetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
