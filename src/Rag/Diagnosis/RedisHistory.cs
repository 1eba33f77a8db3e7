using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Caching;

namespace Rag.Diagnosis;

/// <param name="Before">About how many keys there were.</param>
internal sealed record Emptied(DateTimeOffset At, string How, long Before, long After);

/// <summary>
/// Notes every minute how much is in Redis, so that it can be told that it was emptied: an empty cache alone looks like one
/// that nobody has filled yet.
/// </summary>
internal sealed class RedisHistory(RedisConnection connection, CacheMetrics metrics, DiagnosisOptions options, TimeProvider time, ILogger<RedisHistory> log) : BackgroundService
{
    /// <summary>Fewer keys than this may go for any reason.</summary>
    private const int MinKeys = 10;

    private static readonly TimeSpan Remembered = TimeSpan.FromDays(1), Lately = TimeSpan.FromHours(1);

    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly Queue<(DateTimeOffset At, long Corrupt)> _corrupt = new();
    private RedisSample? _last;
    private long _written;
    private Emptied? _emptied;

    /// <summary>When Redis was emptied last, within a day; null where it was not.</summary>
    public Emptied? Emptied => Volatile.Read(ref _emptied) is { } e && time.GetUtcNow() - e.At < Remembered ? e : null;

    /// <summary>Values that did not check out when they were asked for in the last hour.</summary>
    public long CorruptLately
    {
        get
        {
            long now = metrics.Of(SecondLevelRead.Corrupt);
            lock (_corrupt) return now - (_corrupt.TryPeek(out var oldest) ? oldest.Corrupt : 0);
        }
    }

    /// <summary>Looks at Redis now; null where it does not answer.</summary>
    public async Task<RedisSample?> NoteAsync(CancellationToken ct)
    {
        await _one.WaitAsync(ct);
        try
        {
            NoteCorrupt();
            var primaries = connection.Primaries.ToList();
            if (primaries.Count == 0) return null;
            long written = metrics.Of(SecondLevelWrite.Written);
            var sample = await RedisSample.ReadAsync(primaries, time.GetUtcNow(), ct);
            if (_last is { } last) Compare(last, sample, last.Keys + written - _written);
            (_last, _written) = (sample, written);
            return sample;
        }
        catch (Exception e) when (RedisErrors.Expected(e) || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return null;
        }
        finally
        {
            _one.Release();
        }
    }

    public override void Dispose()
    {
        _one.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        try
        {
            await connection.Tried.WaitAsync(stop);
            // What other replicas wrote is there at the start already.
            await NoteAsync(stop);
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.SampleSeconds), time);
            while (await timer.WaitForNextTickAsync(stop)) await NoteAsync(stop);
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <param name="before">What was there, and what was written since, if nothing had gone.</param>
    private void Compare(RedisSample last, RedisSample now, long before)
    {
        if (before < MinKeys || now.Keys > before / 2) return;
        string? how = now.Runs == last.Runs
            ? now.Flushes > last.Flushes ? "FLUSHALL or FLUSHDB was run" : null
            : now.Flushes > 0 ? "the server was restarted, and FLUSHALL or FLUSHDB was run" : "the server was restarted or another took its place, without its keys";
        if (how is null) return;
        Volatile.Write(ref _emptied, new(now.At, how, before, now.Keys));
        log.RedisEmptied(how, before);
    }

    private void NoteCorrupt()
    {
        var now = time.GetUtcNow();
        lock (_corrupt)
        {
            // At the first note, whatever was met before it counts as lately.
            _corrupt.Enqueue((now, _corrupt.Count == 0 ? 0 : metrics.Of(SecondLevelRead.Corrupt)));
            while (_corrupt.Count > 1 && now - _corrupt.Peek().At > Lately) _corrupt.Dequeue();
        }
    }
}
