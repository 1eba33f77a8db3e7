using System.CommandLine;
using Rag.Foundation.Commands;
using Spectre.Console;

namespace Rag.Caching;

internal static class CachingCommands
{
    public static void AddCaching(this RootCommand root, CommandContext context)
    {
        var ping = new Command("ping", "Ask each Redis endpoint whether it answers, and how fast.");
        context.Bind(ping, async (parse, api, ct) =>
        {
            var result = await api.PostAsync("/admin/v1/cache/ping", CachingJson.Default.CachePing, ct);
            int code = !result.Redis || result.Answers ? 0 : 1;
            if (context.TryJson(parse, result, CachingJson.Default.CachePing)) return code;
            if (!result.Redis) context.Out.WriteLine("No Redis is configured: the cache is in process only. Caching:Redis:Endpoints names one.");
            foreach (var e in result.Endpoints)
            {
                if (e.Answers) context.Out.MarkupLineInterpolated($"[green]answers[/]  {e.Endpoint}  {e.LatencyMs:F2} ms  {e.Role}  Redis {e.Version}");
                else context.Out.MarkupLineInterpolated($"[red]silent[/]   {e.Endpoint}  {e.Role}  {e.Problem}");
            }
            return code;
        });
        var stats = new Command("stats", "What the cache holds and how often it helps.");
        context.Bind(stats, async (parse, api, ct) =>
        {
            var report = await api.GetAsync("/admin/v1/cache", CachingJson.Default.CacheReport, ct);
            if (!context.TryJson(parse, report, CachingJson.Default.CacheReport)) Print(context.Out, report);
            return 0;
        });
        var clear = new Command("clear", "Empty the cache on every replica, and remove its keys from Redis.");
        context.Bind(clear, async (parse, api, ct) =>
        {
            var cleared = await api.DeleteAsync("/admin/v1/cache", CachingJson.Default.CacheCleared, ct);
            int code = cleared.Problem is null ? 0 : 1;
            if (context.TryJson(parse, cleared, CachingJson.Default.CacheCleared)) return code;
            context.Out.MarkupLineInterpolated($"in process  {cleared.Entries:N0} entries dropped");
            if (cleared.RedisKeys is { } keys) context.Out.MarkupLineInterpolated($"redis       {keys:N0} keys removed");
            if (cleared.Problem is { } problem) context.Out.MarkupLineInterpolated($"[red]redis       {problem}[/] It is done as soon as Redis answers, while this server runs.");
            return code;
        });
        root.Add(new Command("cache", "The cache of answers: in process, and Redis.") { ping, stats, clear });
    }

    private static void Print(IAnsiConsole console, CacheReport report)
    {
        if (!report.Enabled) console.MarkupLine("[yellow]The cache is off (Caching:Enabled).[/]");
        foreach (var l in report.Layers)
            console.MarkupLineInterpolated($"{l.Layer,-10} {l.Hits:N0} of {l.Requests:N0} look-ups{(l.HitRate is { } rate ? $" ({100 * rate:F1} %)" : "")}");
        console.MarkupLineInterpolated($"in process {report.Entries:N0} entries, {report.SizeBytes / 1e6:F1} of {report.MaxSizeBytes / 1e6:F0} MB");
        if (report.Redis is not { } redis)
        {
            console.WriteLine("redis      none is configured");
            return;
        }
        console.MarkupLineInterpolated($"redis      circuit {redis.Circuit}, opened {redis.CircuitOpenings:N0} times, {redis.Keys?.ToString("N0") ?? "unknown"}{(redis.KeysComplete ? "" : " or more")} keys of ours");
        console.MarkupLineInterpolated($"reads      {redis.Hits:N0} hits, {redis.Misses:N0} misses, {redis.Timeouts:N0} timeouts, {redis.Errors:N0} errors, {redis.Skipped:N0} not asked, {redis.Corrupt:N0} corrupt values");
        console.MarkupLineInterpolated($"writes     {redis.Written:N0} written, {redis.Dropped:N0} dropped, {redis.Failed:N0} failed; {redis.PendingDeletions:N0} deletions wait");
        foreach (var s in redis.Servers)
            console.MarkupLineInterpolated($"server     {s.Endpoint}  {s.Role}  Redis {s.Version}  {s.MemoryBytes / 1e6:F1} MB, {s.EvictedKeys:N0} keys evicted {s.Problem}");
        if (redis.Trouble is { } trouble) console.MarkupLineInterpolated($"[red]trouble    {trouble}[/]");
    }
}
