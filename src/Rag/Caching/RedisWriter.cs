using System.Buffers;
using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Rag.Caching;

/// <summary>
/// Writes to Redis beside the requests, in order, many at a time. Values are dropped where the queue is full or Redis is
/// away, for they can be computed again. Deletions are kept until Redis has done them; past their bound the whole
/// cache is cleared instead.
/// </summary>
internal sealed class RedisWriter(RedisConnection connection, CacheGeneration generation, CachingOptions options, CacheMetrics metrics, TimeProvider time, ILogger<RedisWriter> log) : BackgroundService
{
    private const int MaxQueued = 4_096;
    private const int MaxBatch = 128;
    private const int MaxForgotten = 10_000;
    private const int PageKeys = 1_000;

    /// <summary>An owner's list is rid of what has expired once in so many additions.</summary>
    private const int TrimEvery = 16;

    private const long MaxQueuedBytes = 64L * 1024 * 1024;
    private static readonly TimeSpan BatchLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SweepLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    /// <param name="Value">Null removes the key.</param>
    private sealed record Write(string Key, byte[]? Value, TimeSpan Lifetime, IReadOnlyList<string> Owners, long Generation);

    private static readonly Write Nothing = new("", null, default, [], 0);

    private readonly Channel<Write> _queue = Channel.CreateBounded<Write>(new BoundedChannelOptions(MaxQueued) { SingleReader = true });
    private readonly ConcurrentDictionary<string, byte> _forgotten = new();
    private readonly string _prefix = RedisKeys.Prefix(options.Redis);
    private long _queuedBytes;
    private volatile bool _sweep;

    /// <summary>Deletions that Redis has not done yet.</summary>
    public int Forgotten => _forgotten.Count;

    /// <summary>Takes a value over, or drops it; never waits.</summary>
    public void Set(string prefix, string key, ReadOnlySequence<byte> value, TimeSpan? lifetime, IReadOnlyList<string> owners)
    {
        string fullKey = prefix + key;
        if (connection.Circuit.IsOpen || value.Length > RedisKeys.MaxValueBytes - StoredValue.HeaderBytes || Interlocked.Read(ref _queuedBytes) > MaxQueuedBytes)
        {
            metrics.SecondLevelWrite(SecondLevelWrite.Dropped);
            return;
        }
        byte[] bytes = StoredValue.Seal(fullKey, value);
        var write = new Write(fullKey, bytes, lifetime ?? TimeSpan.FromMinutes(options.LifetimeMinutes), owners, RedisKeys.GenerationOf(fullKey, _prefix));
        Interlocked.Add(ref _queuedBytes, bytes.Length);
        if (_queue.Writer.TryWrite(write)) return;
        Interlocked.Add(ref _queuedBytes, -bytes.Length);
        metrics.SecondLevelWrite(SecondLevelWrite.Dropped);
    }

    /// <summary>Removes a value that is not to be used; where Redis is away, its checks or its age keep it from being used.</summary>
    public void Remove(string fullKey)
    {
        if (!connection.Circuit.IsOpen) _queue.Writer.TryWrite(new(fullKey, null, default, [], 0));
    }

    /// <summary>Removes everything that holds words of the owner, on whichever replica it was written, as soon as Redis can be reached.</summary>
    public void Forget(string owner)
    {
        if (_forgotten.Count >= MaxForgotten)
        {
            log.TooManyForgotten();
            _forgotten.Clear();
            generation.Advance();
            SweepLater();
            return;
        }
        _forgotten[owner] = 0;
        _queue.Writer.TryWrite(Nothing);
    }

    /// <summary>Removes what a clearing left behind, as soon as Redis can be reached.</summary>
    public void SweepLater()
    {
        _sweep = true;
        _queue.Writer.TryWrite(Nothing);
    }

    /// <summary>Removes every key of this product's cache that is not of the present generation; says how many there were.</summary>
    public async Task<long> SweepAsync(CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(SweepLimit);
        var database = connection.Database ?? throw new IOException("Redis is not connected yet.");
        long removed = 0;
        foreach (var server in connection.Primaries)
        {
            var page = new List<Task<bool>>(PageKeys);
            await foreach (var key in server.KeysAsync(database.Database, RedisKeys.All(options.Redis) + "*", PageKeys).WithCancellation(limit.Token))
            {
                if (RedisKeys.GenerationOf((string)key!, _prefix) == generation.Value) continue;
                page.Add(database.KeyDeleteAsync(key));
                if (page.Count < PageKeys) continue;
                removed += (await Task.WhenAll(page)).Count(gone => gone);
                page.Clear();
            }
            removed += (await Task.WhenAll(page)).Count(gone => gone);
        }
        return removed;
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        var batch = new List<Write>(MaxBatch);
        Task<bool>? reading = null;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                reading ??= _queue.Reader.WaitToReadAsync(stop).AsTask();
                await Task.WhenAny(reading, Task.Delay(_forgotten.IsEmpty && !_sweep ? Timeout.InfiniteTimeSpan : RetryPause, time, stop));
                if (reading.IsCompleted) reading = null;
                // What was put in before a deletion is written before it is deleted.
                var owners = _forgotten.Keys.ToList();
                for (int left = _queue.Reader.Count; left > 0;)
                {
                    while (batch.Count < MaxBatch && left > 0 && _queue.Reader.TryRead(out var write))
                    {
                        left--;
                        batch.Add(write);
                    }
                    await WriteAsync(batch);
                    batch.Clear();
                }
                if (connection.Circuit.IsOpen) continue;
                foreach (string owner in owners) await ForgetAsync(owner);
                if (_sweep)
                {
                    await connection.AlignGenerationAsync();
                    _sweep = false;
                    await SweepAsync(stop);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                if (RedisErrors.Expected(e)) connection.Circuit.Failed();
                else log.WriterFailed(e);
                batch.Clear();
                await Task.Delay(RetryPause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task WriteAsync(IReadOnlyList<Write> batch)
    {
        Interlocked.Add(ref _queuedBytes, -batch.Sum(w => (long)(w.Value?.Length ?? 0)));
        var writes = batch.Where(w => w.Key.Length > 0 && (w.Value is null || w.Generation == generation.Value)).ToList();
        if (connection.Circuit.IsOpen || connection.Database is not { } database)
        {
            metrics.SecondLevelWrite(SecondLevelWrite.Dropped, writes.Count(w => w.Value is not null));
            return;
        }
        // Owners first: a value that cannot be found again when its owner goes is not written.
        var owned = writes.Select(w => w.Value is null ? Task.CompletedTask : Task.WhenAll(w.Owners.SelectMany(o => Own(database, w, o)))).ToList();
        await SettleAsync(owned);
        if (owned.Any(t => t.Exception?.InnerExceptions.Any(e => e is RedisServerException s && RedisErrors.IsWrongType(s)) == true)) OwnersLost();
        var done = writes.Select((w, i) => w.Value is null ? database.KeyDeleteAsync(w.Key)
            : owned[i].IsCompletedSuccessfully ? database.StringSetAsync(w.Key, w.Value, w.Lifetime) : Task.FromResult(false)).ToList();
        await SettleAsync(done);
        int sets = writes.Count(w => w.Value is not null), written = done.Where((d, i) => writes[i].Value is not null && d.IsCompletedSuccessfully).Count(d => d.GetAwaiter().GetResult());
        metrics.SecondLevelWrite(SecondLevelWrite.Written, written);
        metrics.SecondLevelWrite(SecondLevelWrite.Failed, sets - written);
    }

    private IEnumerable<Task> Own(IDatabase database, Write write, string owner)
    {
        RedisKey key = RedisKeys.Owner(_prefix, write.Generation, owner);
        double now = time.GetUtcNow().ToUnixTimeSeconds();
        yield return database.SortedSetAddAsync(key, write.Key, now + write.Lifetime.TotalSeconds);
        yield return database.KeyExpireAsync(key, write.Lifetime + TimeSpan.FromMinutes(1));
        if (Random.Shared.Next(TrimEvery) == 0) yield return database.SortedSetRemoveRangeByScoreAsync(key, double.NegativeInfinity, now);
    }

    private async Task ForgetAsync(string owner)
    {
        if (!_forgotten.TryRemove(owner, out _)) return;
        var database = connection.Database!;
        RedisKey list = RedisKeys.Owner(_prefix, generation.Value, owner);
        try
        {
            while (true)
            {
                var keys = await database.SortedSetRangeByRankAsync(list, 0, PageKeys - 1);
                if (keys.Length == 0) break;
                await Task.WhenAll(keys.Select(k => database.KeyDeleteAsync((string)k!)));
                await database.SortedSetRemoveAsync(list, keys);
            }
        }
        catch (RedisServerException e) when (RedisErrors.IsWrongType(e))
        {
            OwnersLost();
        }
        catch
        {
            _forgotten[owner] = 0;
            throw;
        }
    }

    /// <summary>Somebody overwrote an owner's list: which values hold the words cannot be told any more, so all go.</summary>
    private void OwnersLost()
    {
        metrics.SecondLevelRead(SecondLevelRead.Corrupt);
        generation.Advance();
        _sweep = true;
    }

    /// <summary>Waits for all, bounded; whoever is not done then has failed.</summary>
    private async Task SettleAsync(IReadOnlyList<Task> tasks)
    {
        try
        {
            await RedisErrors.Observed(Task.WhenAll(tasks)).WaitAsync(BatchLimit, time);
            connection.Circuit.Succeeded();
        }
        catch (TimeoutException)
        {
            connection.Circuit.TimedOut();
        }
        catch (RedisServerException e) when (RedisErrors.IsWrongType(e))
        {
            // Foreign things under our keys; the value goes unwritten.
        }
        catch (Exception e) when (RedisErrors.Expected(e))
        {
            connection.Circuit.Failed();
        }
    }
}
