using System.Text.Json;
using Microsoft.Extensions.Logging;
using Rag.Caching;
using Rag.Foundation;
using StackExchange.Redis;

namespace Rag.Incidents;

/// <summary>
/// What waits for the record, shared among the replicas through Redis, so that they act as one while it is away: a list of
/// what happened, a turn for whoever adds to it, and a claim for each message. Redis only helps: what it does not take is on
/// disk all the same, and every wait for it is bounded. Without it each replica acts for itself.
/// </summary>
internal sealed class SharedSpool(CachingOptions caching, TimeProvider time, ILogger<SharedSpool> log, RedisConnection? redis = null)
{
    private const int MaxLines = 20_000;
    private static readonly TimeSpan Kept = TimeSpan.FromHours(24), Turn = TimeSpan.FromSeconds(10), TurnPatience = TimeSpan.FromSeconds(3), Pause = TimeSpan.FromMilliseconds(25), Limit = TimeSpan.FromSeconds(2);

    private readonly RedisKey _list = caching.Redis.KeyPrefix + "incidents:waiting", _turn = caching.Redis.KeyPrefix + "incidents:turn";
    private readonly string _claims = caching.Redis.KeyPrefix + "incidents:claim:";
    private readonly string _me = Ids.New(time);

    private IDatabase? Reachable => redis is { Circuit.IsOpen: false } ? redis.Database : null;

    /// <summary>Runs the work while no other replica does such work, as far as Redis can see to that.</summary>
    public async Task<T> InTurnAsync<T>(Func<Task<T>> work, CancellationToken ct)
    {
        bool mine = false;
        long asked = time.GetTimestamp();
        while (Reachable is { } database && time.GetElapsedTime(asked) < TurnPatience)
        {
            mine = await TryAsync(() => database.LockTakeAsync(_turn, _me, Turn), false);
            if (mine) break;
            await Task.Delay(Pause, ct);
        }
        try
        {
            return await work();
        }
        finally
        {
            if (mine && Reachable is { } database) await TryAsync(() => database.LockReleaseAsync(_turn, _me), false);
        }
    }

    /// <summary>Everything that waits; nothing where Redis does not say.</summary>
    public async Task<IReadOnlyList<SpoolLine>> ReadAsync()
    {
        if (Reachable is not { } database) return [];
        var values = await TryAsync(() => database.ListRangeAsync(_list), []);
        var lines = new List<SpoolLine>(values.Length);
        foreach (var value in values)
            if (Parse(value) is { } line) lines.Add(line);
        return lines;
    }

    public async Task AppendAsync(IReadOnlyList<SpoolLine> lines)
    {
        if (lines.Count == 0 || Reachable is not { } database) return;
        var values = lines.Select(l => (RedisValue)Text(l)).ToArray();
        await TryAsync(async () =>
        {
            if (await database.ListLengthAsync(_list) + values.Length > MaxLines) return false;
            await database.ListRightPushAsync(_list, values);
            return await database.KeyExpireAsync(_list, Kept);
        }, false);
    }

    /// <summary>Takes out what the record has now; by value, so that several replicas may do it at once.</summary>
    public async Task RemoveAsync(IEnumerable<SpoolLine> lines)
    {
        if (Reachable is not { } database) return;
        foreach (var some in lines.Select(Text).Distinct().Chunk(200))
            await TryAsync(async () => (await Task.WhenAll(some.Select(text => database.ListRemoveAsync(_list, text)))).Sum(), 0L);
    }

    /// <summary>Whether this replica may send the message now. True where Redis does not say: told twice is better than not at all.</summary>
    public async Task<bool> ClaimAsync(string key, TimeSpan lease) =>
        Reachable is not { } database || await TryAsync(() => database.StringSetAsync(_claims + key, _me, lease, When.NotExists), true);

    /// <summary>The message was sent, or given up: nobody claims it again.</summary>
    public Task EndAsync(string key) => HoldAsync(key, Kept);

    /// <summary>Nobody claims the message for so long.</summary>
    public async Task HoldAsync(string key, TimeSpan wait)
    {
        if (Reachable is { } database) await TryAsync(() => database.StringSetAsync(_claims + key, _me, wait), false);
    }

    private async Task<T> TryAsync<T>(Func<Task<T>> ask, T otherwise)
    {
        try
        {
            return await RedisErrors.Observed(ask()).WaitAsync(Limit);
        }
        catch (Exception e) when (RedisErrors.Expected(e))
        {
            log.SharedSpoolFailed(e.Message);
            return otherwise;
        }
    }

    private static string Text(SpoolLine line) => JsonSerializer.Serialize(line, IncidentEventJson.Default.SpoolLine);

    private static SpoolLine? Parse(RedisValue value)
    {
        try
        {
            return JsonSerializer.Deserialize((string?)value ?? "null", IncidentEventJson.Default.SpoolLine) is { } line && (line.Event is not null || line.Sent is not null) ? line : null;
        }
        catch (JsonException)
        {
            // None of ours.
            return null;
        }
    }
}
