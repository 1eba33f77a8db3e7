namespace Rag.Inference.Generation;

/// <summary>Keeps the times of one call: until its first piece, between pieces, and of the whole. What is done with a piece costs the model nothing.</summary>
internal sealed class CallClock : IDisposable
{
    private readonly TimeProvider _time;
    private readonly GenerationOptions _options;
    private readonly TimeSpan _limit;
    private readonly long _started;
    private readonly CancellationTokenSource _clock, _either;
    private bool _begun;

    public CallClock(TimeProvider time, TimeSpan limit, GenerationOptions options, CancellationToken asker)
    {
        (_time, _limit, _options, Asker) = (time, limit, options, asker);
        _started = time.GetTimestamp();
        _clock = new(Shorter(options.FirstTokenMs), time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(asker, _clock.Token);
    }

    /// <summary>Whoever waits for the answer.</summary>
    public CancellationToken Asker { get; }

    /// <summary>Ends the call, whoever's the reason.</summary>
    public CancellationToken Token => _either.Token;

    public void Pause()
    {
        _begun = true;
        _clock.CancelAfter(Timeout.InfiniteTimeSpan);
    }

    public void NextPiece() => _clock.CancelAfter(Shorter(_options.StallMs));

    /// <summary>Which of the times went by.</summary>
    public ModelFaultException Fault(Exception? inner) =>
        Left <= TimeSpan.FromMilliseconds(1) ? new(ModelFault.TooSlow, $"was not done within {_limit.TotalMilliseconds:F0} ms", inner)
        : _begun ? new(ModelFault.Stalled, $"sent nothing for {_options.StallMs} ms in the middle of its answer", inner)
        : new(ModelFault.Late, $"did not begin to answer within {_options.FirstTokenMs} ms", inner);

    public void Dispose()
    {
        _either.Dispose();
        _clock.Dispose();
    }

    private TimeSpan Left => _limit - _time.GetElapsedTime(_started);

    private TimeSpan Shorter(int limitMs)
    {
        var (limit, left) = (TimeSpan.FromMilliseconds(limitMs), Left);
        return left < limit ? left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1) : limit;
    }
}
