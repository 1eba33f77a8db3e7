using System.Diagnostics;
using System.Globalization;
using Rag.Testing;
using Rag.Testing.Kubernetes;

namespace Rag.Bench.Verify.Kubernetes;

/// <summary>The scripts with which Redis and its sentinels start in pods, run on this machine: three of each, the primary killed with -9.</summary>
internal static class RedisCheck
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(40);

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        foreach (string program in (string[])["redis-server", "redis-cli"]) if (ChildServer.Find(program) is null) throw new CannotMeasureException($"not installed: {program}");
        string folder = Directory.CreateTempSubdirectory("rag-sentinels-").FullName, password = Guid.NewGuid().ToString("N"), secret = Path.Combine(folder, "password");
        await File.WriteAllTextAsync(secret, password, ct);
        int[] redis = [.. Enumerable.Range(0, 3).Select(_ => ChildServer.FreePort())], sentinels = [.. Enumerable.Range(0, 3).Select(_ => ChildServer.FreePort())];
        var servers = new Dictionary<int, ChildServer>();
        try
        {
            foreach (int port in redis) StartRedis(port);
            await UntilAsync(async () => (await AskAsync(redis[0], "INFO", "replication")).Contains("connected_slaves:2"), "the copies do not follow the first Redis", ct);
            foreach (int port in sentinels)
            {
                string own = Directory.CreateDirectory(Path.Combine(folder, Text(port))).FullName;
                servers[port] = Start("sentinel.sh", new() { ["SENTINEL_FOLDER"] = own, ["SENTINEL_PORT"] = Text(port), ["REDIS_PORT"] = Text(redis[0]), ["REDIS_FIRST"] = "127.0.0.1", ["SENTINEL_OWN"] = "127.0.0.1", ["SENTINEL_DOWN_MS"] = "1000", ["SENTINEL_FAILOVER_MS"] = "5000" });
            }
            foreach (int port in sentinels) await UntilAsync(async () => (await AskAsync(port, "SENTINEL", "MASTER", "rag")).Contains("num-other-sentinels\n2\n"), "the sentinels do not know one another", ct);
            await UntilAsync(async () => (await AskAsync(sentinels[0], "SENTINEL", "MASTER", "rag")).Contains("num-slaves\n2\n"), "the sentinels do not know the copies", ct);
            await AskAsync(redis[0], "SET", "kept", "yes");
            foreach (int port in redis[1..]) await UntilAsync(async () => await AskAsync(port, "GET", "kept") == "yes", "a copy lacks a value", ct);
            long killed = Stopwatch.GetTimestamp();
            await servers[redis[0]].DisposeAsync();
            int primary = 0;
            foreach (int port in sentinels)
                await UntilAsync(async () => (primary = await PrimaryAsync(port)) != redis[0] && primary != 0, "no other primary is named", ct);
            await UntilAsync(async () => await AskAsync(primary, "SET", "after", "yes") == "OK", "the new primary takes no writes", ct);
            double seconds = Stopwatch.GetElapsedTime(killed).TotalSeconds;
            StartRedis(redis[0]);
            await UntilAsync(async () => (await AskAsync(redis[0], "INFO", "replication")).Contains($"master_port:{primary}") && await AskAsync(redis[0], "GET", "after") == "yes", "the Redis that was killed does not follow the new primary", ct);
            int lost = await AskAsync(primary, "GET", "kept") == "yes" ? 0 : 1;
            return new(lost, string.Create(CultureInfo.InvariantCulture, $"three Redis and three sentinels by the component's own scripts; another primary {seconds:F1} s after kill -9 (sentinels wait 1 s here, 5 s in pods); the killed one came back as a copy"));
        }
        finally
        {
            foreach (var server in servers.Values) await server.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }

        void StartRedis(int port)
        {
            string own = Directory.CreateDirectory(Path.Combine(folder, Text(port))).FullName;
            servers[port] = Start("redis.sh", new() { ["REDIS_FOLDER"] = own, ["REDIS_PORT"] = Text(port), ["REDIS_FIRST"] = "127.0.0.1", ["REDIS_FIRST_PORT"] = Text(redis[0]), ["REDIS_OWN"] = "127.0.0.1", ["REDIS_MEMORY"] = "16mb", ["SENTINELS"] = "127.0.0.1", ["SENTINEL_PORT"] = Text(sentinels[0]) });
        }

        ChildServer Start(string script, Dictionary<string, string> environment)
        {
            environment["REDIS_PASSWORD_FILE"] = secret;
            return ChildServer.Start("sh", [Path.Combine(Manifests.Folder, "components", "redis-sentinel", script)], environment);
        }

        async Task<string> AskAsync(int port, params string[] words)
        {
            try
            {
                return (await ChildServer.RunAsync("redis-cli", ["-p", Text(port), .. words], ct, environment: new Dictionary<string, string> { ["REDISCLI_AUTH"] = password })).ReplaceLineEndings("\n").TrimEnd('\n') + (words.Length > 2 && words[0] == "SENTINEL" ? "\n" : "");
            }
            catch (InvalidOperationException)
            {
                return "";
            }
        }

        async Task<int> PrimaryAsync(int sentinel) => (await AskAsync(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "rag")).Split('\n') is [_, var port, ..] && int.TryParse(port, CultureInfo.InvariantCulture, out int number) ? number : 0;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static async Task UntilAsync(Func<Task<bool>> holds, string otherwise, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            if (Stopwatch.GetElapsedTime(started) > Limit) throw new InvalidOperationException($"After {Limit} {otherwise}.");
            await Task.Delay(100, ct);
        }
    }
}
