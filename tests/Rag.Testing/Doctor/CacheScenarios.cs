using System.Text;

namespace Rag.Testing.Doctor;

/// <summary>A Redis that is emptied, damaged, gone, slow or mis-keyed, under a server that uses it.</summary>
internal static class CacheScenarios
{
    private const int Questions = 20;

    public static readonly IReadOnlyList<DoctorScenario> All =
    [
        Redis("a Redis that was emptied", "cache.wiped", async (s, ct) => await s.Redis.CallAsync(ct, "FLUSHALL"), quick: true),
        Redis("a Redis that was restarted without its keys", "cache.wiped", async (s, ct) =>
        {
            await s.Redis.RestartAsync(ct);
            // The server finds it again by itself.
            await Task.Delay(4_000, ct);
        }),
        Redis("a Redis whose values are corrupted", "cache.corrupted", async (s, ct) =>
        {
            foreach (string key in (await s.Redis.KeysAsync("rag:cache:1:*", ct)).Where(k => !k.Contains(":owner:", StringComparison.Ordinal)))
                await s.Redis.CallAsync(ct, [.. new[] { "SETRANGE", key, "40" }.Select(Encoding.UTF8.GetBytes), [0xde, 0xad, 0xbe, 0xef]]);
        }, quick: true),
        Redis("a Redis that refuses connections", "cache.refused", (s, _) =>
        {
            s.Proxy.Down();
            return Task.CompletedTask;
        }),
        Redis("a Redis behind a slow network", "cache.slow", (s, _) =>
        {
            s.Proxy.Latency = TimeSpan.FromMilliseconds(40);
            return Task.CompletedTask;
        }),
        new("a Redis that wants a password that nobody configured", "cache.credentials", Missing, false, async ct =>
        {
            await using var redis = await RedisServer.StartAsync(ct);
            string[] arguments = ["cache", "--set", $"Caching:Redis:Endpoints={redis.Endpoint}"];
            var well = await DoctorRun.RunAsync(ct, arguments);
            await redis.CallAsync(ct, "CONFIG", "SET", "requirepass", "secret");
            return (well, await DoctorRun.RunAsync(ct, arguments));
        }),
    ];

    private static string? Missing() => RedisServer.Installed ? null : "Redis is not installed";

    private static DoctorScenario Redis(string name, string finding, Func<Stage, CancellationToken, Task> provokeAsync, bool quick = false) => new(name, finding, Missing, quick, async ct =>
    {
        await using var redis = await RedisServer.StartAsync(ct);
        await using var proxy = FaultProxy.Start(redis.Port);
        await using var server = await RagServe.StartAsync(ct, null, $"Caching:Redis:Endpoints=127.0.0.1:{proxy.Port}");
        // Values are written beside the answers, and not before Redis was found.
        await redis.Process.WaitUntilAsync(async token =>
        {
            await server.AskAsync(Questions, token);
            return (await redis.KeysAsync("rag:cache:*", token)).Count >= Questions;
        }, TimeSpan.FromSeconds(20), ct);
        var well = await server.LookAsync(ct, "cache");
        if (well.ExitCode != 0) throw new InvalidOperationException($"The healthy cache is not found to be so: {well}");
        await provokeAsync(new(redis, proxy), ct);
        return (well, await server.LookAsync(ct, "cache"));
    });

    private sealed record Stage(RedisServer Redis, FaultProxy Proxy);
}
