using System.Buffers;
using System.Diagnostics;
using Microsoft.Extensions.Caching.Distributed;
using Rag.Foundation;
using StackExchange.Redis;

namespace Rag.Caching;

/// <summary>
/// Redis as HybridCache's second level. Reading never throws, and waits no longer than the budget that flows with the
/// request; writing and removing are left to <see cref="RedisWriter"/>. There is no sync way in.
/// </summary>
internal sealed class RedisCache(RedisConnection connection, RedisWriter writer, CachingOptions options, CacheMetrics metrics) : IBufferDistributedCache
{
    /// <summary>HybridCache's own keys, for tags, which are not used here: no reason to ask.</summary>
    private const string TagPrefix = "__MSFT";

    private readonly string _keyPrefix = RedisKeys.Prefix(options.Redis);

    public async ValueTask<bool> TryGetAsync(string key, IBufferWriter<byte> destination, CancellationToken token = default)
    {
        if (await ReadAsync(key) is not { } payload) return false;
        destination.Write(payload.Span);
        return true;
    }

    public async Task<byte[]?> GetAsync(string key, CancellationToken token = default) => await ReadAsync(key) is { } payload ? payload.ToArray() : null;

    public ValueTask SetAsync(string key, ReadOnlySequence<byte> value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        writer.Set(_keyPrefix, key, value, options.AbsoluteExpirationRelativeToNow, CacheCall.Current?.Owners ?? []);
        return ValueTask.CompletedTask;
    }

    public Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default) =>
        SetAsync(key, new ReadOnlySequence<byte>(value), options, token).AsTask();

    public Task RemoveAsync(string key, CancellationToken token = default)
    {
        writer.Remove(_keyPrefix + key);
        return Task.CompletedTask;
    }

    public Task RefreshAsync(string key, CancellationToken token = default) => Task.CompletedTask;

    public byte[]? Get(string key) => throw NoSync();

    public bool TryGet(string key, IBufferWriter<byte> destination) => throw NoSync();

    public void Set(string key, byte[] value, DistributedCacheEntryOptions options) => throw NoSync();

    public void Set(string key, ReadOnlySequence<byte> value, DistributedCacheEntryOptions options) => throw NoSync();

    public void Remove(string key) => throw NoSync();

    public void Refresh(string key) => throw NoSync();

    private static NotSupportedException NoSync() => new("The second level is asynchronous only.");

    private async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(string key)
    {
        if (key.StartsWith(TagPrefix, StringComparison.Ordinal)) return null;
        var call = CacheCall.Current;
        var wait = call?.Budget?.Left ?? connection.Wait;
        if (connection.Circuit.IsOpen || connection.Database is not { } database || wait < TimeSpan.FromMilliseconds(1))
        {
            metrics.SecondLevelRead(SecondLevelRead.Skipped);
            return null;
        }
        string fullKey = _keyPrefix + key;
        long started = Stopwatch.GetTimestamp();
        try
        {
            // A range, so that a huge value that somebody put there is not fetched whole.
            var bytes = (byte[]?)await RedisErrors.Observed(database.StringGetRangeAsync(fullKey, 0, RedisKeys.MaxValueBytes)).WaitAsync(wait);
            connection.Circuit.Succeeded();
            if (bytes is null or { Length: 0 })
            {
                metrics.SecondLevelRead(SecondLevelRead.Miss);
                return null;
            }
            if (StoredValue.TryOpen(fullKey, bytes, out var payload))
            {
                metrics.SecondLevelRead(SecondLevelRead.Hit);
                if (call is not null) call.FromSecondLevel = true;
                return payload;
            }
            Corrupt(fullKey);
        }
        catch (RedisServerException e) when (RedisErrors.IsWrongType(e))
        {
            Corrupt(fullKey);
        }
        catch (TimeoutException)
        {
            connection.Circuit.TimedOut();
            metrics.SecondLevelRead(SecondLevelRead.Timeout);
        }
        catch (Exception e) when (RedisErrors.Expected(e))
        {
            connection.Circuit.Failed();
            metrics.SecondLevelRead(SecondLevelRead.Error);
        }
        finally
        {
            call?.Budget?.Spend(started);
            Spans.Ended("redis GETRANGE", started);
        }
        return null;
    }

    private void Corrupt(string fullKey)
    {
        metrics.SecondLevelRead(SecondLevelRead.Corrupt);
        writer.Remove(fullKey);
    }
}

/// <summary>Names of keys in Redis: the prefix, <c>cache</c>, the format, then HybridCache's key or <c>owner</c>, the generation and the owner.</summary>
internal static class RedisKeys
{
    /// <summary>Larger values are kept in process only; HybridCache's own bound, and room for its header.</summary>
    public const int MaxValueBytes = 1_048_576 + 4_096;

    public static string All(RedisOptions options) => $"{options.KeyPrefix}cache:";

    public static string Prefix(RedisOptions options) => $"{All(options)}{StoredValue.Format}:";

    public static string Owner(string prefix, long generation, string owner) => $"{prefix}owner:{generation}:{owner}";

    /// <summary>The generation that a key belongs to; -1 where it names none.</summary>
    public static long GenerationOf(ReadOnlySpan<char> key, string prefix)
    {
        if (!key.StartsWith(prefix, StringComparison.Ordinal)) return -1;
        key = key[prefix.Length..];
        int first = key.IndexOf(':');
        if (first < 0) return -1;
        key = key[(first + 1)..];
        int second = key.IndexOf(':');
        return second > 0 && long.TryParse(key[..second], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long generation) ? generation : -1;
    }
}
