using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.Caching.Memory;

namespace Rag.Caching;

/// <summary>
/// The product's cache: HybridCache with a layer's name and the generation before each key, hits counted. Values must be
/// immutable and say so (<see cref="System.ComponentModel.ImmutableObjectAttribute"/>): the same instance is handed to
/// everybody. With Redis, what is not here is looked for there, within the time that the request has for it.
/// </summary>
internal sealed class LayeredCache
{
    /// <summary>Keys remembered per owner, for <see cref="ForgetAsync"/>; past this many everything in process is dropped at once.</summary>
    private const int MaxOwnedKeys = 200_000;

    private readonly HybridCache _cache;
    private readonly MemoryCache _memory;
    private readonly CachingOptions _options;
    private readonly CacheMetrics _metrics;
    private readonly CacheGeneration _generation;
    private readonly RedisConnection? _redis;
    private readonly RedisWriter? _writer;
    private readonly ConcurrentDictionary<string, ConcurrentBag<string>> _ownedKeys = new();
    private readonly HybridCacheEntryOptions _entry, _redisOnly;
    private int _ownedCount;

    public LayeredCache(HybridCache cache, IMemoryCache memory, CachingOptions options, CacheMetrics metrics, CacheGeneration generation, RedisConnection? redis = null, RedisWriter? writer = null)
    {
        (_cache, _memory, _options, _metrics, _generation, _redis, _writer) = (cache, (MemoryCache)memory, options, metrics, generation, redis, writer);
        var lifetime = TimeSpan.FromMinutes(options.LifetimeMinutes);
        // What is computed goes to Redis by a step of its own: only then is it known whether it is worth keeping.
        _entry = new() { Expiration = lifetime, LocalCacheExpiration = lifetime, Flags = HybridCacheEntryFlags.DisableDistributedCacheWrite };
        _redisOnly = new() { Expiration = lifetime, Flags = HybridCacheEntryFlags.DisableLocalCacheWrite };
        generation.OnChange += DropLocal;
    }

    /// <summary>Entries in process and their size, bytes.</summary>
    public (long Entries, long SizeBytes) Local => _memory.GetCurrentStatistics() is { } s ? (s.CurrentEntryCount, s.CurrentEstimatedSize ?? 0) : (_memory.Count, 0);

    /// <summary>
    /// The value at the key, computed by one caller at a time where it is absent. <paramref name="keep"/> says
    /// whether a computed value is worth keeping, and <paramref name="owners"/> whose words it holds.
    /// </summary>
    public async ValueTask<(T Value, bool Hit)> GetAsync<T, TState>(
        string layer, string key, TState state, Func<TState, CancellationToken, ValueTask<T>> compute,
        Func<T, bool>? keep, Func<T, IEnumerable<string>>? owners, CancellationToken ct)
    {
        if (!_options.Enabled)
        {
            _metrics.Request(layer, hit: false);
            return (await compute(state, ct), false);
        }
        string fullKey = $"{layer}:{_generation.Value}:{key}";
        var call = new Call<T, TState>(state, compute);
        T value = _redis is null
            ? await _cache.GetOrCreateAsync(fullKey, call, static (c, token) => c.RunAsync(token), _entry, cancellationToken: ct)
            : await GetWithRedisAsync(fullKey, call, _redis, ct);
        _metrics.Request(layer, hit: !call.Ran);
        if (!call.Ran)
        {
            if (call.FromSecondLevel && owners is not null) Own(fullKey, owners(value));
            return (value, true);
        }
        if (keep is not null && !keep(value)) await _cache.RemoveAsync(fullKey, CancellationToken.None);
        else await KeepAsync(fullKey, value, call, keep, owners);
        return (value, false);
    }

    /// <summary>Removes everything that holds words of the owner; from Redis as soon as it can be reached.</summary>
    public async Task ForgetAsync(string owner)
    {
        if (_ownedKeys.TryRemove(owner, out var keys))
        {
            Interlocked.Add(ref _ownedCount, -keys.Count);
            foreach (string key in keys) await _cache.RemoveAsync(key);
        }
        _writer?.Forget(owner);
    }

    /// <summary>Makes everything of this product unreachable at once, on every replica, and removes it from Redis beside the caller.</summary>
    public Task ClearAsync()
    {
        _generation.Advance();
        _writer?.SweepLater();
        return Task.CompletedTask;
    }

    /// <summary>SHA-256 over the parts, each preceded by its length so that no two lists of parts are alike.</summary>
    public static string Key(params ReadOnlySpan<string> parts)
    {
        int length = 0;
        foreach (string part in parts) length += 4 + Encoding.UTF8.GetMaxByteCount(part.Length);
        byte[]? rented = length > 1024 ? System.Buffers.ArrayPool<byte>.Shared.Rent(length) : null;
        Span<byte> buffer = rented ?? stackalloc byte[1024];
        int at = 0;
        foreach (string part in parts)
        {
            int bytes = Encoding.UTF8.GetBytes(part, buffer[(at + 4)..]);
            BitConverter.TryWriteBytes(buffer[at..], bytes);
            at += 4 + bytes;
        }
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(buffer[..at], hash);
        if (rented is not null) System.Buffers.ArrayPool<byte>.Shared.Return(rented);
        return Convert.ToHexStringLower(hash);
    }

    private async ValueTask<T> GetWithRedisAsync<T, TState>(string fullKey, Call<T, TState> call, RedisConnection redis, CancellationToken ct)
    {
        // A look-up inside another's computation has what that one has left.
        call.Budget = CacheCall.Current?.Budget ?? new WaitBudget(redis.Wait.TotalMilliseconds);
        CacheCall.Current = call;
        try
        {
            // HybridCache runs what nobody can cancel in the caller's own flow, where the call can be seen; whoever goes away
            // leaves the result to the others.
            var pending = _cache.GetOrCreateAsync(fullKey, call, static (c, token) => c.RunAsync(token), _entry, cancellationToken: CancellationToken.None);
            return pending.IsCompletedSuccessfully ? pending.GetAwaiter().GetResult() : await pending.AsTask().WaitAsync(ct);
        }
        catch (CacheValueException)
        {
            _metrics.SecondLevelRead(SecondLevelRead.Corrupt);
            await _cache.RemoveAsync(fullKey, CancellationToken.None);
            return await call.RunAsync(ct);
        }
    }

    private async ValueTask KeepAsync<T>(string fullKey, T value, CacheCall call, Func<T, bool>? keep, Func<T, IEnumerable<string>>? owners)
    {
        IReadOnlyList<string> owned = owners is null ? [] : [.. owners(value)];
        if (owned.Count > 0) Own(fullKey, owned);
        if (_redis is null) return;
        call.Owners = owned;
        CacheCall.Current = call;
        await _cache.SetAsync(fullKey, value, _redisOnly, cancellationToken: CancellationToken.None);
        // A document that went meanwhile was forgotten before this value was there to be forgotten.
        if (keep is not null && !keep(value)) await _cache.RemoveAsync(fullKey, CancellationToken.None);
    }

    private void DropLocal()
    {
        _ownedKeys.Clear();
        Volatile.Write(ref _ownedCount, 0);
        _memory.Clear();
    }

    private void Own(string key, IEnumerable<string> owners)
    {
        foreach (string owner in owners)
        {
            _ownedKeys.GetOrAdd(owner, static _ => []).Add(key);
            Interlocked.Increment(ref _ownedCount);
        }
        if (Volatile.Read(ref _ownedCount) > MaxOwnedKeys) DropLocal();
    }

    private sealed class Call<T, TState>(TState state, Func<TState, CancellationToken, ValueTask<T>> compute) : CacheCall
    {
        private readonly Activity? _span = Activity.Current;

        public bool Ran { get; private set; }

        public ValueTask<T> RunAsync(CancellationToken ct)
        {
            Ran = true;
            // HybridCache may run this outside the caller's flow; its spans are the caller's all the same.
            Activity.Current ??= _span;
            return compute(state, ct);
        }
    }
}
