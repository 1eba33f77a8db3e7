using System.Diagnostics;
using Rag.Testing;

namespace Rag.App.Tests.Degradation;

/// <summary>The row "Redis down, slow, or wiped" of the degradation matrix, on a whole server; the cache's own tests go into more detail.</summary>
[Collection("degradation")]
public sealed class RedisDownTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("rag-redisdown-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task Questions_and_writes_are_served_whatever_becomes_of_redis_and_none_waits_for_it()
    {
        if (!RedisServer.Installed && Environment.GetEnvironmentVariable("CI") != "true") Assert.Skip("Redis is not installed: Debian's package redis-server has it.");
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var proxy = FaultProxy.Start(redis.Port);
        await using var replica = await Replica.StartAsync(_data, $"Caching:Redis:Endpoints=127.0.0.1:{proxy.Port}");
        await replica.PutAsync("a.txt", "Herons stand in shallow water.");
        await ServedAsync(replica, "warming up");
        double before = await ServedAsync(replica, "before");
        var faults = new (string Name, Func<Task> Break)[]
        {
            ("slow", () => { proxy.Latency = TimeSpan.FromSeconds(2); return Task.CompletedTask; }),
            ("down", () => { proxy.Down(); return Task.CompletedTask; }),
            ("black hole", () => { proxy.Blackhole(); return Task.CompletedTask; }),
            ("stopped", () => redis.Process.SignalAsync("STOP", Cancel)),
            ("killed", redis.Process.KillAsync),
        };
        foreach (var (name, breakIt) in faults)
        {
            await breakIt();
            (await ServedAsync(replica, name)).ShouldBeLessThan(before + 150, name);
            proxy.Latency = TimeSpan.Zero;
            proxy.Up();
            if (name == "stopped") await redis.Process.SignalAsync("CONT", Cancel);
        }
        (await replica.StatusAsync("/readyz")).ShouldBe(200);
    }

    private static async Task<double> ServedAsync(Replica replica, string fault)
    {
        // Never asked before, so that each looks in Redis.
        var times = new List<double>();
        for (int i = 0; i < 15; i++)
        {
            long started = Stopwatch.GetTimestamp();
            (await replica.AskAsync($"Where do herons stand, in {fault} {i}?")).GetProperty("index_position").GetInt64().ShouldBeGreaterThan(0);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        // A round trip takes four seconds where it is slow, and forever where nobody answers.
        times.Max().ShouldBeLessThan(3_000, fault);
        using var written = await replica.TryPutAsync($"{fault}.txt", "Egrets are white.");
        written.IsSuccessStatusCode.ShouldBeTrue(fault);
        return times.Order().ElementAt(times.Count / 2);
    }
}
