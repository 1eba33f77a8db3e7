using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Caching.Hybrid;

namespace Rag.Caching;

/// <summary>
/// The product's cache: HybridCache with a layer's name before each key, hits counted. Values must be immutable and
/// say so (<see cref="System.ComponentModel.ImmutableObjectAttribute"/>): the same instance is handed to everybody.
/// </summary>
internal sealed class LayeredCache(HybridCache cache, CachingOptions options, CacheMetrics metrics)
{
    /// <summary>Keys remembered per owner, for <see cref="ForgetAsync"/>; past this many everything is dropped at once.</summary>
    private const int MaxOwnedKeys = 200_000;

    private readonly ConcurrentDictionary<string, ConcurrentBag<string>> _ownedKeys = new();
    private readonly HybridCacheEntryOptions _entry = new()
    {
        Expiration = TimeSpan.FromMinutes(options.LifetimeMinutes),
        LocalCacheExpiration = TimeSpan.FromMinutes(options.LifetimeMinutes),
    };
    private int _ownedCount;
    private long _generation;

    /// <summary>
    /// The value at the key, computed by one caller at a time where it is absent. <paramref name="keep"/> says
    /// whether a computed value is worth keeping, and <paramref name="owners"/> whose words it holds.
    /// </summary>
    public async ValueTask<(T Value, bool Hit)> GetAsync<T, TState>(
        string layer, string key, TState state, Func<TState, CancellationToken, ValueTask<T>> compute,
        Func<T, bool>? keep, Func<T, IEnumerable<string>>? owners, CancellationToken ct)
    {
        if (!options.Enabled)
        {
            metrics.Request(layer, hit: false);
            return (await compute(state, ct), false);
        }
        string fullKey = $"{layer}:{Volatile.Read(ref _generation)}:{key}";
        var call = new Call<T, TState>(state, compute);
        T value = await cache.GetOrCreateAsync(fullKey, call, static (c, token) => c.RunAsync(token), _entry, cancellationToken: ct);
        metrics.Request(layer, hit: !call.Ran);
        if (!call.Ran) return (value, true);
        if (keep is not null && !keep(value)) await cache.RemoveAsync(fullKey, CancellationToken.None);
        else if (owners is not null) Own(fullKey, owners(value));
        return (value, false);
    }

    /// <summary>Removes everything that holds words of the owner.</summary>
    public async Task ForgetAsync(string owner)
    {
        if (!_ownedKeys.TryRemove(owner, out var keys)) return;
        Interlocked.Add(ref _ownedCount, -keys.Count);
        foreach (string key in keys) await cache.RemoveAsync(key);
    }

    /// <summary>Removes everything of this product.</summary>
    public async Task ClearAsync()
    {
        Interlocked.Increment(ref _generation);
        var all = _ownedKeys.Values.SelectMany(k => k).Distinct().ToList();
        _ownedKeys.Clear();
        Volatile.Write(ref _ownedCount, 0);
        foreach (string key in all) await cache.RemoveAsync(key);
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

    private void Own(string key, IEnumerable<string> owners)
    {
        foreach (string owner in owners)
        {
            _ownedKeys.GetOrAdd(owner, static _ => []).Add(key);
            Interlocked.Increment(ref _ownedCount);
        }
        if (Volatile.Read(ref _ownedCount) > MaxOwnedKeys) _ = ClearAsync();
    }

    private sealed class Call<T, TState>(TState state, Func<TState, CancellationToken, ValueTask<T>> compute)
    {
        public bool Ran { get; private set; }

        public ValueTask<T> RunAsync(CancellationToken ct)
        {
            Ran = true;
            return compute(state, ct);
        }
    }
}
