using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Rag.Audit;
using StackExchange.Redis;

namespace Rag.Caching;

/// <param name="HitRate">Hits by requests, 0 to 1; absent before the first request.</param>
public sealed record CacheLayerReport(string Layer, long Requests, long Hits, double? HitRate);

/// <param name="MemoryBytes">What the server uses, everybody's keys together.</param>
/// <param name="EvictedKeys">Keys that the server threw out for want of memory since it started.</param>
public sealed record RedisServerReport(string Endpoint, string Role, string Version, long? MemoryBytes, long? EvictedKeys, string? Problem);

/// <param name="Circuit"><c>closed</c>: asked; <c>open</c>: left alone.</param>
/// <param name="CircuitOpenings">How often it opened since the start.</param>
/// <param name="Keys">Keys of this product; absent where they could not be counted.</param>
/// <param name="KeysComplete">False where counting stopped at its bound.</param>
/// <param name="PendingDeletions">Deletions that wait for Redis.</param>
public sealed record RedisReport(
    string Circuit, long CircuitOpenings, string? Trouble, long? Keys, bool KeysComplete, long Hits, long Misses, long Timeouts, long Errors, long Skipped, long Corrupt,
    long Written, long Dropped, long Failed, int PendingDeletions, IReadOnlyList<RedisServerReport> Servers);

/// <summary>The cache of this replica since it started, and Redis.</summary>
public sealed record CacheReport(
    bool Enabled, IReadOnlyList<CacheLayerReport> Layers, long Entries, long SizeBytes, long MaxSizeBytes, RedisReport? Redis);

public sealed record PingedEndpoint(string Endpoint, bool Answers, double? LatencyMs, string? Role, string? Version, string? Problem);

/// <param name="Redis">False: none is configured.</param>
public sealed record CachePing(bool Redis, bool Answers, IReadOnlyList<PingedEndpoint> Endpoints);

/// <param name="Entries">Entries that were dropped in this process.</param>
/// <param name="RedisKeys">Keys that were removed from Redis; absent without Redis.</param>
/// <param name="Problem">Why Redis was not cleared yet; that happens as soon as it answers.</param>
public sealed record CacheCleared(long Entries, long? RedisKeys, string? Problem);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CacheReport))]
[JsonSerializable(typeof(CachePing))]
[JsonSerializable(typeof(CacheCleared))]
internal sealed partial class CachingJson : JsonSerializerContext;

/// <summary>What operators ask of the cache. Everything is bounded; Redis being away is an answer, no error.</summary>
internal sealed class CacheOperations(LayeredCache cache, CachingOptions options, CacheMetrics metrics, CacheGeneration generation, AuditTrail audit, TimeProvider time, RedisConnection? connection = null, RedisWriter? writer = null)
{
    private const int MaxCountedKeys = 100_000;
    private const int PageKeys = 1_000;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan TriedLimit = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan ClearLimit = TimeSpan.FromSeconds(30);

    public async Task<CacheReport> StatsAsync(CancellationToken ct)
    {
        await TriedAsync(ct);
        var layers = CacheLayer.All.Select(l =>
        {
            var (requests, hits) = metrics.Of(l);
            return new CacheLayerReport(l, requests, hits, requests == 0 ? null : Math.Round((double)hits / requests, 4));
        }).ToList();
        var (entries, sizeBytes) = cache.Local;
        return new(options.Enabled, layers, entries, sizeBytes, options.SizeMb * 1024L * 1024, connection is null ? null : await RedisAsync(connection, ct));
    }

    public async Task<CachePing> PingAsync(CancellationToken ct)
    {
        if (connection is null) return new(false, false, []);
        await TriedAsync(ct);
        var servers = connection.Servers;
        var endpoints = servers.Count == 0
            ? connection.ConfiguredEndpoints.Select(e => new PingedEndpoint(e, false, null, null, null, connection.Trouble ?? "not connected yet")).ToList()
            : [.. await Task.WhenAll(servers.Select(s => PingAsync(s, ct)))];
        // Of a group with replicas, what matters is that there is a primary that can be asked.
        return new(true, endpoints.Count > 0 && endpoints.All(e => e.Answers || e.Role == "replica") && endpoints.Any(e => e is { Answers: true, Role: not "replica" }), endpoints);
    }

    /// <summary>Empties the cache on every replica, and removes this product's keys from Redis: no others.</summary>
    public async Task<CacheCleared> ClearAsync(CancellationToken ct)
    {
        await audit.RecordAsync(AuditEvent.Administrative("cache.clear", "cache"), ct);
        await TriedAsync(ct);
        long entries = cache.Local.Entries;
        generation.Advance();
        if (connection is null || writer is null) return new(entries, null, null);
        try
        {
            await RedisErrors.Observed(connection.AlignGenerationAsync()).WaitAsync(Limit, time, ct);
            return new(entries, await RedisErrors.Observed(writer.SweepAsync(ct)).WaitAsync(ClearLimit, time, ct), null);
        }
        catch (Exception e) when (RedisErrors.Expected(e) || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            writer.SweepLater();
            return new(entries, null, $"Redis was not cleared yet: {e.Message}");
        }
    }

    /// <summary>A command that starts the service asks before the connection is made.</summary>
    private async Task TriedAsync(CancellationToken ct)
    {
        if (connection is not null) await connection.Tried.WaitAsync(TriedLimit, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<RedisReport> RedisAsync(RedisConnection redis, CancellationToken ct)
    {
        var (keys, complete) = redis.Circuit.IsOpen ? (null, false) : await CountKeysAsync(redis, ct);
        return new(
            redis.Circuit.IsOpen ? "open" : "closed", redis.Circuit.Openings, redis.Trouble, keys, complete,
            metrics.Of(SecondLevelRead.Hit), metrics.Of(SecondLevelRead.Miss), metrics.Of(SecondLevelRead.Timeout), metrics.Of(SecondLevelRead.Error),
            metrics.Of(SecondLevelRead.Skipped), metrics.Of(SecondLevelRead.Corrupt),
            metrics.Of(SecondLevelWrite.Written), metrics.Of(SecondLevelWrite.Dropped), metrics.Of(SecondLevelWrite.Failed), writer!.Forgotten,
            await Task.WhenAll(redis.Servers.Select(s => ReportAsync(s, ct))));
    }

    private async Task<(long? Keys, bool Complete)> CountKeysAsync(RedisConnection redis, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Limit);
        long keys = 0;
        try
        {
            foreach (var server in redis.Primaries)
                await foreach (var _ in server.KeysAsync(-1, RedisKeys.All(options.Redis) + "*", PageKeys).WithCancellation(limit.Token))
                    if (++keys >= MaxCountedKeys) return (keys, false);
            return (keys, true);
        }
        catch (Exception e) when (RedisErrors.Expected(e) || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return (keys == 0 ? null : keys, false);
        }
    }

    private async Task<RedisServerReport> ReportAsync(IServer server, CancellationToken ct)
    {
        try
        {
            var info = (await RedisErrors.Observed(server.InfoAsync()).WaitAsync(Limit, time, ct)).SelectMany(g => g).ToLookup(p => p.Key, p => p.Value);
            return new(Name(server), Role(server), server.Version.ToString(), Number(info["used_memory"]), Number(info["evicted_keys"]), null);
        }
        catch (Exception e) when (RedisErrors.Expected(e))
        {
            return new(Name(server), Role(server), server.Version.ToString(), null, null, e.Message);
        }
    }

    private async Task<PingedEndpoint> PingAsync(IServer server, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            await RedisErrors.Observed(server.PingAsync()).WaitAsync(Limit, time, ct);
            return new(Name(server), true, Math.Round(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 2), Role(server), server.Version.ToString(), null);
        }
        catch (Exception e) when (RedisErrors.Expected(e))
        {
            return new(Name(server), false, null, Role(server), null, e is TimeoutException and not RedisTimeoutException ? $"no answer within {Limit.TotalSeconds} s" : e.Message);
        }
    }

    private static string Role(IServer server) => server.IsReplica ? "replica" : "primary";

    private static string Name(IServer server) => server.EndPoint is DnsEndPoint dns ? $"{dns.Host}:{dns.Port}" : server.EndPoint.ToString()!;

    private static long? Number(IEnumerable<string> values) =>
        long.TryParse(values.FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
}
