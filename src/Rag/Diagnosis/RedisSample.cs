using System.Globalization;
using StackExchange.Redis;

namespace Rag.Diagnosis;

/// <summary>What the primaries of Redis say of themselves, all of them together.</summary>
/// <param name="Keys">Keys, everybody's.</param>
/// <param name="Flushes">How often they were emptied (FLUSHALL, FLUSHDB) since they started.</param>
/// <param name="Runs">Which runs of the servers these are: another after a restart.</param>
internal sealed record RedisSample(
    DateTimeOffset At, long Keys, long Flushes, string Runs, long UptimeSeconds, long UsedBytes, long MaxBytes, string Policy, long Evicted, string Version)
{
    public static async Task<RedisSample> ReadAsync(IReadOnlyList<IServer> primaries, DateTimeOffset at, CancellationToken ct)
    {
        var all = new List<RedisSample>(primaries.Count);
        foreach (var server in primaries)
        {
            var info = await server.InfoAsync("all").WaitAsync(Reached.Limit, ct);
            var values = info.SelectMany(g => g).GroupBy(p => p.Key).ToDictionary(g => g.Key, g => g.First().Value);
            long keys = await server.DatabaseSizeAsync().WaitAsync(Reached.Limit, ct);
            all.Add(new(at, keys, Calls(values, "cmdstat_flushall") + Calls(values, "cmdstat_flushdb"), values.GetValueOrDefault("run_id", ""), Number(values, "uptime_in_seconds"),
                Number(values, "used_memory"), Number(values, "maxmemory"), values.GetValueOrDefault("maxmemory_policy", ""), Number(values, "evicted_keys"), values.GetValueOrDefault("redis_version", "")));
        }
        return new(at, all.Sum(s => s.Keys), all.Sum(s => s.Flushes), string.Join(' ', all.Select(s => s.Runs).Order(StringComparer.Ordinal)), all.Count == 0 ? 0 : all.Min(s => s.UptimeSeconds),
            all.Sum(s => s.UsedBytes), all.Sum(s => s.MaxBytes), all.Count == 0 ? "" : all[0].Policy, all.Sum(s => s.Evicted), all.Count == 0 ? "" : all[0].Version);
    }

    private static long Number(Dictionary<string, string> values, string key) => long.TryParse(values.GetValueOrDefault(key), CultureInfo.InvariantCulture, out long number) ? number : 0;

    /// <summary>From <c>calls=3,usec=12,…</c>.</summary>
    private static long Calls(Dictionary<string, string> values, string key) =>
        values.TryGetValue(key, out string? text) && text.StartsWith("calls=", StringComparison.Ordinal) && long.TryParse(text.AsSpan(6, text.IndexOf(',', StringComparison.Ordinal) - 6), CultureInfo.InvariantCulture, out long calls) ? calls : 0;
}
