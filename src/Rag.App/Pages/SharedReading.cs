using Rag.Foundation;

namespace Rag.App.Pages;

/// <summary>
/// Something that costs a look at the record or at Redis, taken once for everybody who wants to see it: one look at a time, and none
/// sooner than <paramref name="apart"/> after the one before began, whether that succeeded or not. It is taken for nobody in
/// particular, so nothing of it may depend on who asks; and whoever leaves ends it for nobody.
/// </summary>
/// <param name="what">What is read, as the error names it.</param>
/// <param name="patience">How long somebody waits for it.</param>
internal sealed class SharedReading<T>(string what, TimeSpan apart, TimeSpan patience, TimeProvider time, Func<CancellationToken, Task<T>> read) where T : class
{
    /// <summary>What takes longer is given up: nobody waits for it any more.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private Task<T>? _reading;
    private long _begunAt;
    private volatile T? _last;

    /// <summary>The last that succeeded; null where none did.</summary>
    public T? Last => _last;

    /// <exception cref="RagException">Unavailable: it takes longer than somebody waits.</exception>
    public async Task<T> GetAsync(CancellationToken ct)
    {
        Task<T> reading;
        lock (_gate)
        {
            if (_reading is null || (_reading.IsCompleted && time.GetElapsedTime(_begunAt) >= apart))
            {
                _begunAt = time.GetTimestamp();
                // Whoever asks first lends it neither name nor trace.
                using (ExecutionContext.SuppressFlow()) _reading = Task.Run(ReadAsync, CancellationToken.None);
            }
            reading = _reading;
        }
        try
        {
            return await reading.WaitAsync(patience, time, ct);
        }
        catch (TimeoutException e)
        {
            throw new RagException(ErrorKind.Unavailable, $"{what} was not read within {patience.TotalSeconds:0} s.", "Try again in a moment.", e);
        }
    }

    private async Task<T> ReadAsync()
    {
        using var limit = new CancellationTokenSource(Limit, time);
        try
        {
            return _last = await read(limit.Token);
        }
        catch (OperationCanceledException e)
        {
            throw new RagException(ErrorKind.Unavailable, $"{what} was not read within {Limit.TotalSeconds:0} s.", "Try again in a moment.", e);
        }
    }
}
