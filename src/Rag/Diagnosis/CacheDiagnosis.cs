using System.Diagnostics;
using System.Globalization;
using Rag.Caching;
using StackExchange.Redis;

namespace Rag.Diagnosis;

/// <summary>
/// The cache of this replica, and Redis step by step on a connection of its own. A sample of what lies in Redis is checked as
/// it would be when it is read. Without a running server, what only that knows is left out.
/// </summary>
internal sealed class CacheDiagnosis(CachingOptions options, TimeProvider time, CacheMetrics? metrics, RedisConnection? connection, RedisHistory? history) : IDiagnosis
{
    private const int Pings = 9;
    private const int MaxChecked = 500, ScanPage = 250;
    private const double GoodHitRate = 0.85, FullShare = 0.95;
    private const int MinRequests = 100;
    private const string Slower = "The cache works in process only: questions take longer, and no answer is wrong.";

    private static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(5);

    public string Area => Areas.Cache;

    public async Task<IReadOnlyList<Finding>> LookAsync(DoctorRequest request, CancellationToken ct)
    {
        var findings = new Findings(Area);
        if (!options.Enabled)
        {
            findings.Notice("off", "The cache is off.", "Caching:Enabled=false", "Every question is computed.", "rag config show");
            return findings;
        }
        HitRates(findings);
        if (!options.Redis.Configured) findings.Ok("in_process", "The cache is in process only; no Redis is configured.", Layers());
        else await RedisAsync(findings, ct);
        return findings;
    }

    private async Task RedisAsync(Findings findings, CancellationToken ct)
    {
        var steps = new List<string>();
        if (!await ReachAsync(findings, steps, ct)) return;
        if (await ConnectAsync(findings, steps, ct) is not { } redis) return;
        await using (redis)
        {
            try
            {
                var primaries = redis.GetServers().Where(s => s is { IsConnected: true, IsReplica: false } && s.ServerType != ServerType.Sentinel).ToList();
                if (primaries.Count == 0) findings.Warning("no_primary", "No server of Redis takes writes.", string.Join("; ", steps), Slower, "rag cache ping");
                await LatencyAsync(primaries, findings, steps, ct);
                var sample = (history is null ? null : await history.NoteAsync(ct)) ?? await RedisSample.ReadAsync(primaries, time.GetUtcNow(), ct);
                steps.Add(string.Create(CultureInfo.InvariantCulture, $"Redis {sample.Version}, up {TimeSpan.FromSeconds(sample.UptimeSeconds):d\\.hh\\:mm\\:ss}, {sample.Keys} keys, {sample.UsedBytes / 1e6:F1} MB{(sample.MaxBytes > 0 ? $" of {sample.MaxBytes / 1e6:F1}" : "")}, {sample.Evicted} evicted"));
                Emptied(sample, findings);
                Room(sample, findings, steps);
                await CorruptedAsync(redis, primaries, findings, steps, ct);
            }
            catch (Exception e) when (RedisErrors.Expected(e))
            {
                findings.Warning("breaks_off", "Redis stops answering in the middle.", $"{string.Join("; ", steps)}: {e.Message}", Slower, "rag cache ping");
            }
        }
        if (connection is { Circuit.IsOpen: true })
            findings.Warning("circuit", "This replica leaves Redis alone for now.", $"the circuit is open, for the {connection.Circuit.Openings + 1}. time: {connection.Trouble ?? "closing soon"}", Slower, "rag cache stats");
        if (findings.Well) findings.Ok("answers", "Redis answers and nothing is wrong with it.", string.Join("; ", steps.Append(Layers()).Where(s => s.Length > 0)));
    }

    private async Task<bool> ReachAsync(Findings findings, List<string> steps, CancellationToken ct)
    {
        var failures = new List<(string Host, string Endpoint, Reached Reached)>();
        bool any = false;
        foreach (string endpoint in options.Redis.EndpointList.Take(16))
        {
            if (!DiagnosisOptions.TryParse(endpoint, out string host, out int port)) (host, port) = (endpoint, 6379);
            var (reached, socket) = await Reached.TryAsync(host, port, ct);
            socket?.Dispose();
            steps.Add(reached.Steps);
            any |= reached.Failed is null;
            if (reached.Failed is not null) failures.Add((host, endpoint, reached));
        }
        foreach (var (host, endpoint, reached) in failures)
        {
            var (what, next) = reached.Failed switch
            {
                "name" => ($"The name {host} cannot be resolved.", $"getent hosts {host}"),
                "refused" => ($"{endpoint} refuses connections: nothing listens there.", "rag cache ping"),
                _ => ($"{endpoint} cannot be reached.", $"ping -c 3 {host}"),
            };
            findings.Warning(reached.Failed!, what, $"{reached.Steps}: {reached.Why}", any ? "The other endpoints can be reached." : Slower, next);
        }
        return any;
    }

    private async Task<ConnectionMultiplexer?> ConnectAsync(Findings findings, List<string> steps, CancellationToken ct)
    {
        var settings = new ConfigurationOptions
        {
            AbortOnConnectFail = true, ConnectRetry = 1, ConnectTimeout = 3_000, AsyncTimeout = 3_000, SyncTimeout = 3_000, AllowAdmin = true, ClientName = "rag-doctor", TieBreaker = "", ConfigurationChannel = "",
            User = options.Redis.User, Ssl = options.Redis.Tls, ServiceName = options.Redis.ServiceName,
        };
        foreach (string endpoint in options.Redis.EndpointList) settings.EndPoints.Add(endpoint);
        long started = Stopwatch.GetTimestamp();
        try
        {
            settings.Password = options.Redis.ReadPassword();
            var redis = await RedisErrors.Observed(ConnectionMultiplexer.ConnectAsync(settings)).WaitAsync(TimeSpan.FromSeconds(10), ct);
            steps.Add($"{(options.Redis.Tls ? "TLS and " : "")}sign-in ({Reached.Ms(started)})");
            return redis;
        }
        catch (Exception e) when (RedisErrors.Expected(e) || e is UnauthorizedAccessException)
        {
            string why = Messages(e), evidence = $"{string.Join("; ", steps)}; refused after {Reached.Ms(started)}: {why}";
            if (e is IOException or UnauthorizedAccessException) findings.Warning("configuration", "The password file cannot be read.", e.Message, Slower, $"ls -l '{options.Redis.PasswordFile}'");
            else if (Says(why, "authentication failure", "NOAUTH", "WRONGPASS", "invalid password", "NOPERM")) findings.Warning("credentials", "Redis refuses the user or the password.", evidence, Slower, "rag config show");
            else if (options.Redis.Tls && Says(why, "certificate", "SSL", "TLS", "authentication")) findings.Warning("tls", "No encrypted connection comes about.", evidence, Slower, "rag doctor certificates");
            else findings.Warning("silent", "Redis takes the connection and does not answer as Redis does.", evidence, Slower, "rag cache ping");
            return null;
        }
    }

    private async Task LatencyAsync(List<IServer> primaries, Findings findings, List<string> steps, CancellationToken ct)
    {
        foreach (var server in primaries)
        {
            var times = new List<double>(Pings);
            for (int i = 0; i < Pings; i++) times.Add((await RedisErrors.Observed(server.PingAsync()).WaitAsync(Reached.Limit, ct)).TotalMilliseconds);
            times.Sort();
            steps.Add(string.Create(CultureInfo.InvariantCulture, $"{server.EndPoint} answers in {times[Pings / 2]:F2} ms in the middle of {Pings}"));
            // Two look-ups of a question must fit its budget.
            if (times[Pings / 2] > options.Redis.TimeoutMs / 2.0)
                findings.Warning("slow", "Redis answers too slowly to be of use.", string.Create(CultureInfo.InvariantCulture, $"{steps[^1]}; a question waits {options.Redis.TimeoutMs} ms at most, all its look-ups together"), Slower, $"redis-cli -u redis://{server.EndPoint} --latency");
        }
    }

    private void Emptied(RedisSample sample, Findings findings)
    {
        const string Meaning = "Questions are computed until the cache has filled again; no answer is wrong.";
        if (history?.Emptied is { } emptied)
        {
            string evidence = string.Create(CultureInfo.InvariantCulture, $"{emptied.How}, seen at {emptied.At:HH:mm:ss} UTC: about {emptied.Before} keys before, {emptied.After} after, {sample.Keys} now");
            if (sample.Keys < emptied.Before / 2) findings.Warning("wiped", "Redis was emptied.", evidence, Meaning, "rag cache stats");
            else findings.Notice("refilled", "Redis was emptied within a day, and has filled again.", evidence, Meaning);
        }
        else if (history is null && sample is { Keys: 0, Flushes: > 0 })
            findings.Warning("wiped", "Redis was emptied.", string.Create(CultureInfo.InvariantCulture, $"FLUSHALL or FLUSHDB was run {sample.Flushes} times since it started; it holds no key"), Meaning, "rag cache stats");
    }

    private static void Room(RedisSample sample, Findings findings, List<string> steps)
    {
        bool full = sample.MaxBytes > 0 && sample.UsedBytes > FullShare * sample.MaxBytes;
        if (full && sample.Policy == "noeviction") findings.Warning("full", "Redis is full, and takes no more values.", steps[^1], Slower, "redis-cli CONFIG SET maxmemory-policy allkeys-lru");
        else if (sample.Evicted > 0) findings.Notice("evictions", "Redis throws values out for want of memory.", $"{sample.Evicted:N0} keys since it started, policy {sample.Policy}", "Questions that were answered before are computed again.", "redis-cli INFO memory");
    }

    /// <summary>Checks values that lie there now, as many as the bounds allow, and says what readers have met.</summary>
    private async Task CorruptedAsync(ConnectionMultiplexer redis, List<IServer> primaries, Findings findings, List<string> steps, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(CheckLimit);
        string prefix = RedisKeys.Prefix(options.Redis), owners = prefix + "owner:";
        var database = redis.GetDatabase();
        int looked = 0, corrupted = 0;
        try
        {
            foreach (var server in primaries)
                await foreach (var key in server.KeysAsync(-1, prefix + "*", ScanPage).WithCancellation(limit.Token))
                {
                    if (looked >= MaxChecked) break;
                    string name = (string)key!;
                    if (name.StartsWith(owners, StringComparison.Ordinal)) continue;
                    looked++;
                    if (!await IsWholeAsync(database, name, limit.Token)) corrupted++;
                }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // What was looked at until here must do.
        }
        long met = metrics?.Of(SecondLevelRead.Corrupt) ?? 0, lately = history?.CorruptLately ?? met;
        string evidence = string.Create(CultureInfo.InvariantCulture, $"{corrupted} of {looked} values that were looked at now are not what was written{(metrics is null ? "" : $"; this replica met {met} since it started, {lately} of them in the last hour")}");
        steps.Add(evidence);
        const string Meaning = "A value that does not check out is removed and computed again; no answer is wrong. Something else writes to these keys, or the server's memory or disk is damaged.";
        if (corrupted > 0 || lately > 0) findings.Warning("corrupted", "Values in Redis are corrupted.", evidence, Meaning, "rag cache clear");
        else if (met > 0) findings.Notice("was_corrupted", "Corrupted values were met more than an hour ago.", evidence, Meaning);
    }

    private static async Task<bool> IsWholeAsync(IDatabase database, string key, CancellationToken ct)
    {
        try
        {
            var bytes = (byte[]?)await RedisErrors.Observed(database.StringGetRangeAsync(key, 0, RedisKeys.MaxValueBytes)).WaitAsync(ct);
            // It may have expired since its name was read.
            return bytes is null or { Length: 0 } || StoredValue.TryOpen(key, bytes, out _);
        }
        catch (RedisServerException e) when (RedisErrors.IsWrongType(e))
        {
            return false;
        }
    }

    private void HitRates(Findings findings)
    {
        if (metrics is null) return;
        var (requests, hits) = metrics.Of(CacheLayer.Question);
        if (requests >= MinRequests && hits < GoodHitRate * requests)
            findings.Notice("hit_rate", "Fewer questions are answered from the cache than promised.", Layers(), "Questions that were not asked before cannot be; otherwise the cache is too small, was cleared, or Redis is not asked.", "rag cache stats");
    }

    private string Layers() => metrics is null ? "" : "hits: " + string.Join(", ", CacheLayer.All.Select(l =>
    {
        var (requests, hits) = metrics.Of(l);
        return string.Create(CultureInfo.InvariantCulture, $"{l} {hits} of {requests}{(requests > 0 ? $" ({100.0 * hits / requests:F0} %)" : "")}");
    }));

    private static string Messages(Exception e) => e.InnerException is null ? e.Message : $"{e.Message} {Messages(e.InnerException)}";

    private static bool Says(string text, params string[] words) => words.Any(w => text.Contains(w, StringComparison.OrdinalIgnoreCase));
}
