using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Rag.Answering;
using Rag.Caching;
using Rag.Testing;

namespace Rag.Tests.Caching;

/// <summary>
/// On a busy machine a look at Redis may come late, as it may anywhere, and the circuit opens for a moment: these tests
/// run while no others do.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class RedisCollection
{
    public const string Name = "Redis";
}

/// <summary>Replicas of the service beside a real redis-server.</summary>
[Collection(RedisCollection.Name)]
public sealed class RedisCacheTests
{
    private const string Question = "How long are audit logs kept?";
    private const string Policy = "Audit logs are kept for seven years. They are written once and never changed. Access is reviewed every quarter.";

    [ImmutableObject(true)]
    private sealed record Value(int Number);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    internal static void Need()
    {
        if (RedisServer.Installed) return;
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail("redis-server is not installed.");
        Assert.Skip("redis-server is not installed.");
    }

    internal static async Task<TestService> ReplicaAsync(string endpoints, params (string Key, string Value)[] settings)
    {
        var all = new Dictionary<string, string?> { ["Caching:Redis:Endpoints"] = endpoints };
        foreach (var (key, value) in settings) all["Caching:Redis:" + key] = value;
        var service = await TestService.StartAsync(settings: all);
        await UntilAsync(() => !service.Get<RedisConnection>().Circuit.IsOpen);
        return service;
    }

    internal static async Task UntilAsync(Func<bool> holds, int limitMs = 45_000)
    {
        long started = Stopwatch.GetTimestamp();
        while (!holds())
        {
            if (Stopwatch.GetElapsedTime(started).TotalMilliseconds > limitMs) throw new TimeoutException($"Not within {limitMs} ms.");
            await Task.Delay(10, Cancel);
        }
    }

    internal static async Task UntilAsync(Func<Task<bool>> holds, int limitMs = 45_000)
    {
        long started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            if (Stopwatch.GetElapsedTime(started).TotalMilliseconds > limitMs) throw new TimeoutException($"Not within {limitMs} ms.");
            await Task.Delay(10, Cancel);
        }
    }

    /// <summary>One look-up; number is what computing gives.</summary>
    private static async Task<(int Number, bool Hit)> GetAsync(TestService service, string key, int number, string? owner = null)
    {
        var (value, hit) = await service.Get<LayeredCache>().GetAsync(
            CacheLayer.Question, key, number, static (n, _) => ValueTask.FromResult(new Value(n)), null, _ => owner is null ? [] : [owner], Cancel);
        return (value.Number, hit);
    }

    internal static Task WrittenAsync(TestService service, long count) => UntilAsync(() => service.Get<CacheMetrics>().Of(SecondLevelWrite.Written) >= count);

    [Fact]
    public async Task What_one_replica_computed_another_finds()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var one = await ReplicaAsync(redis.Endpoint);
        await using var two = await ReplicaAsync(redis.Endpoint);
        (await GetAsync(one, "k", 1)).ShouldBe((1, false));
        await WrittenAsync(one, 1);
        (await GetAsync(two, "k", 2)).ShouldBe((1, true));
        // The second time it is in process: Redis is not asked again.
        (await GetAsync(two, "k", 3)).ShouldBe((1, true));
        two.Get<CacheMetrics>().Of(SecondLevelRead.Hit).ShouldBe(1);
        two.Get<CacheMetrics>().Of(SecondLevelRead.Miss).ShouldBe(0);
        (await redis.KeysAsync("*", Cancel)).ShouldAllBe(k => k.StartsWith("rag:"));
        long ttl = long.Parse(await redis.CallAsync(Cancel, "TTL", (await redis.KeysAsync("rag:cache:1:question:*", Cancel)).Single()));
        ttl.ShouldBeInRange(1, 24 * 3600);
    }

    [Fact]
    public async Task An_answer_from_Redis_is_the_answer_that_was_given()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        byte[] given;
        Answer first;
        string data = Directory.CreateTempSubdirectory("rag-redis-answer-").FullName;
        try
        {
            var settings = new Dictionary<string, string?> { ["Caching:Redis:Endpoints"] = redis.Endpoint };
            await using (var one = await TestService.StartAsync(data: data, settings: settings))
            {
                await UntilAsync(() => !one.Get<RedisConnection>().Circuit.IsOpen);
                await one.PutAsync("policy.txt", Policy);
                var (rendered, cached) = await one.Get<Answerer>().AskAsync(new AskRequest(Question, Options: new AskOptions("lexical")), Cancel);
                cached.ShouldBeFalse();
                (given, first) = (rendered.CachedJson.ToArray(), rendered.Answer);
                first.Outcome.ShouldBe(Answer.Answered);
                await WrittenAsync(one, 2);
            }
            // Another process on the same record: nothing in it but what Redis has.
            await using var two = await TestService.StartAsync(data: data, settings: settings);
            await UntilAsync(() => !two.Get<RedisConnection>().Circuit.IsOpen);
            var (again, hit) = await two.Get<Answerer>().AskAsync(new AskRequest(Question, Options: new AskOptions("lexical")), Cancel);
            hit.ShouldBeTrue();
            again.CachedJson.ToArray().ShouldBe(given);
            System.Text.Json.JsonSerializer.Serialize(again.Answer).ShouldBe(System.Text.Json.JsonSerializer.Serialize(first));
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task A_deleted_document_leaves_nothing_in_Redis_whoever_wrote_it()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var one = await ReplicaAsync(redis.Endpoint);
        await using var two = await ReplicaAsync(redis.Endpoint);
        await GetAsync(one, "words", 1, owner: "document");
        await GetAsync(one, "others", 1, owner: "another");
        await WrittenAsync(one, 2);
        await two.Get<LayeredCache>().ForgetAsync("document");
        await UntilAsync(async () => (await redis.KeysAsync("rag:cache:1:question:*", Cancel)).Count == 1);
        (await redis.KeysAsync("*document*", Cancel)).ShouldBeEmpty();
        (await GetAsync(two, "others", 2)).ShouldBe((1, true));
        // What a replica had from Redis goes with its owner too.
        await two.Get<LayeredCache>().ForgetAsync("another");
        (await GetAsync(one, "others", 2, owner: "another")).Hit.ShouldBeTrue();
        await one.Get<LayeredCache>().ForgetAsync("another");
        await UntilAsync(async () => (await redis.KeysAsync("rag:cache:1:question:*", Cancel)).Count == 0);
        (await GetAsync(one, "others", 3)).ShouldBe((3, false));
    }

    [Fact]
    public async Task A_deletion_while_Redis_is_away_is_done_when_it_is_back()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var one = await ReplicaAsync(redis.Endpoint);
        await GetAsync(one, "words", 1, owner: "document");
        await WrittenAsync(one, 1);
        await redis.Process.SignalAsync("STOP", Cancel);
        await UntilAsync(() => one.Get<RedisConnection>().Circuit.IsOpen);
        await one.Get<LayeredCache>().ForgetAsync("document");
        (await GetAsync(one, "words", 2)).ShouldBe((2, false));
        one.Get<RedisWriter>().Forgotten.ShouldBe(1);
        await redis.Process.SignalAsync("CONT", Cancel);
        await UntilAsync(async () => (await redis.KeysAsync("rag:cache:1:*", Cancel)).Count == 0);
        one.Get<RedisWriter>().Forgotten.ShouldBe(0);
    }

    [Fact]
    public async Task Damaged_cut_moved_and_foreign_values_are_misses_and_counted()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var one = await ReplicaAsync(redis.Endpoint);
        string[] names = ["flipped", "cut", "moved", "foreign", "other-type", "source"];
        foreach (string name in names) await GetAsync(one, name, 1);
        await WrittenAsync(one, names.Length);
        string Key(string name) => $"rag:cache:1:question:0:{name}";
        int length = int.Parse(await redis.CallAsync(Cancel, "STRLEN", Key("flipped")));
        await redis.CallAsync(Cancel, "SETRANGE", Key("flipped"), (length - 1).ToString(), "~");
        await redis.CallAsync(Cancel, "SETRANGE", Key("cut"), "0", "");
        await redis.CallAsync(Cancel, "EVAL", "redis.call('SET', KEYS[1], string.sub(redis.call('GET', KEYS[1]), 1, -2))", "1", Key("cut"));
        await redis.CallAsync(Cancel, "COPY", Key("source"), Key("moved"), "REPLACE");
        await redis.CallAsync(Cancel, "SET", Key("foreign"), "{\"hello\":1}");
        await redis.CallAsync(Cancel, "DEL", Key("other-type"));
        await redis.CallAsync(Cancel, "RPUSH", Key("other-type"), "x");
        await using var two = await ReplicaAsync(redis.Endpoint);
        foreach (string name in names[..^1]) (await GetAsync(two, name, 2)).ShouldBe((2, false), name);
        two.Get<CacheMetrics>().Of(SecondLevelRead.Corrupt).ShouldBe(5);
        (await two.Get<CacheOperations>().StatsAsync(Cancel)).Redis!.Corrupt.ShouldBe(5);
        // Each was overwritten, and is a value again.
        await WrittenAsync(two, 5);
        await using var three = await ReplicaAsync(redis.Endpoint);
        foreach (string name in names[..^1]) (await GetAsync(three, name, 3)).ShouldBe((2, true), name);
    }

    [Fact]
    public async Task Ten_thousand_random_values_fail_no_question()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var one = await ReplicaAsync(redis.Endpoint);
        const int count = 10_000;
        var random = new Random(4);
        var commands = new List<IReadOnlyList<byte[]>>(count);
        for (int i = 0; i < count; i++)
        {
            byte[] value = new byte[random.Next(1, 200)];
            random.NextBytes(value);
            // Some begin as ours do.
            if (i % 4 == 0 && value.Length > 4) "RAG"u8.CopyTo(value);
            if (i % 4 == 0 && value.Length > 4) value[3] = StoredValue.Format;
            commands.Add(["SET"u8.ToArray(), Encoding.UTF8.GetBytes($"rag:cache:1:question:0:{i}"), value]);
        }
        await redis.PipelineAsync(commands, Cancel);
        await redis.CallAsync(Cancel, "SET", "rag:cache-generation", "no number");
        for (int i = 0; i < count; i++)
        {
            if (one.Get<RedisConnection>().Circuit.IsOpen) await UntilAsync(() => !one.Get<RedisConnection>().Circuit.IsOpen);
            (await GetAsync(one, i.ToString(), i)).ShouldBe((i, false));
        }
        var metrics = one.Get<CacheMetrics>();
        // Where the circuit opened for a moment on a busy machine, a value was not looked at.
        (metrics.Of(SecondLevelRead.Corrupt) + metrics.Of(SecondLevelRead.Skipped) + metrics.Of(SecondLevelRead.Timeout)).ShouldBe(count);
        metrics.Of(SecondLevelRead.Corrupt).ShouldBeGreaterThan(count / 2);
    }

    [Fact]
    public async Task Bytes_that_check_out_but_are_no_answer_are_a_miss()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var one = await ReplicaAsync(redis.Endpoint);
        await using var two = await ReplicaAsync(redis.Endpoint);
        // The same key, another type: as a release that forgot to change the format would do it.
        await GetAsync(one, "k", 10);
        await WrittenAsync(one, 1);
        var (vector, hit) = await two.Get<LayeredCache>().GetAsync(
            CacheLayer.Question, "k", 0, static (_, _) => ValueTask.FromResult(new Rag.Retrieval.CachedVector([1, 2])), null, null, Cancel);
        (vector.Values.Length, hit).ShouldBe((2, false));
        two.Get<CacheMetrics>().Of(SecondLevelRead.Corrupt).ShouldBe(1);
    }

    [Fact]
    public async Task Clearing_empties_every_replica_and_leaves_the_keys_of_others()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var one = await ReplicaAsync(redis.Endpoint);
        await using var two = await ReplicaAsync(redis.Endpoint);
        await using var stranger = await ReplicaAsync(redis.Endpoint, ("KeyPrefix", "other:"));
        for (int i = 0; i < 20; i++) await GetAsync(one, i.ToString(), i, owner: "document");
        await GetAsync(stranger, "k", 1);
        await WrittenAsync(one, 20);
        await WrittenAsync(stranger, 1);
        (await GetAsync(two, "7", 0)).ShouldBe((7, true));
        await redis.CallAsync(Cancel, "SET", "rag-unrelated", "x");
        var cleared = await one.Get<CacheOperations>().ClearAsync(Cancel);
        (cleared.RedisKeys, cleared.Problem).ShouldBe((21, null));
        (await redis.KeysAsync("rag:cache:*", Cancel)).ShouldBeEmpty();
        (await redis.CallAsync(Cancel, "GET", "rag-unrelated")).ShouldBe("x");
        (await redis.KeysAsync("other:cache:*", Cancel)).Count.ShouldBe(1);
        // The other replica drops what it has in process, and both go on to share.
        await UntilAsync(() => two.Get<CacheGeneration>().Value == one.Get<CacheGeneration>().Value);
        (await GetAsync(two, "7", 70)).ShouldBe((70, false));
        await WrittenAsync(two, 1);
        (await GetAsync(one, "7", 71)).ShouldBe((70, true));
    }

    [Fact]
    public async Task A_clearing_while_Redis_is_away_is_done_when_it_is_back()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var one = await ReplicaAsync(redis.Endpoint);
        await using var two = await ReplicaAsync(redis.Endpoint);
        await GetAsync(one, "k", 1);
        await WrittenAsync(one, 1);
        await redis.Process.SignalAsync("STOP", Cancel);
        await UntilAsync(() => one.Get<RedisConnection>().Circuit.IsOpen);
        (await one.Get<CacheOperations>().ClearAsync(Cancel)).Problem.ShouldNotBeNull();
        (await GetAsync(one, "k", 2)).ShouldBe((2, false));
        await redis.Process.SignalAsync("CONT", Cancel);
        await UntilAsync(() => two.Get<CacheGeneration>().Value == one.Get<CacheGeneration>().Value);
        (await GetAsync(two, "k", 3)).Number.ShouldNotBe(1);
        await UntilAsync(async () => (await redis.KeysAsync("rag:cache:1:question:0:*", Cancel)).Count == 0);
    }

    [Fact]
    public async Task A_wipe_costs_nothing_but_computing_again()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var one = await ReplicaAsync(redis.Endpoint);
        await one.Get<CacheOperations>().ClearAsync(Cancel);
        long generation = one.Get<CacheGeneration>().Value;
        for (int i = 0; i < 400; i++)
        {
            if (i % 100 == 50) await redis.CallAsync(Cancel, "FLUSHALL");
            (await GetAsync(one, i.ToString(), i)).ShouldBe((i, false));
            (await GetAsync(one, i.ToString(), -1)).ShouldBe((i, true));
        }
        // The generation does not go back with the wipe: what was cleared stays cleared.
        await UntilAsync(async () => await redis.CallAsync(Cancel, "GET", "rag:cache-generation") == generation.ToString());
    }

    [Fact]
    public async Task Redis_killed_and_started_again_is_used_again_without_a_restart()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var one = await ReplicaAsync(redis.Endpoint);
        await redis.Process.KillAsync();
        for (int i = 0; i < 20; i++)
        {
            long started = Stopwatch.GetTimestamp();
            (await GetAsync(one, $"a{i}", i)).ShouldBe((i, false));
            Stopwatch.GetElapsedTime(started).TotalMilliseconds.ShouldBeLessThan(100);
        }
        await UntilAsync(() => one.Get<RedisConnection>().Circuit.IsOpen);
        (await one.Get<CacheOperations>().PingAsync(Cancel)).Answers.ShouldBeFalse();
        await redis.RestartAsync(Cancel);
        await UntilAsync(() => !one.Get<RedisConnection>().Circuit.IsOpen);
        await GetAsync(one, "b", 1);
        await WrittenAsync(one, 1);
    }

    [Fact]
    public async Task A_Redis_that_hangs_costs_a_question_at_most_its_time_and_then_nothing()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var one = await ReplicaAsync(redis.Endpoint);
        await GetAsync(one, "warm", 1);
        await redis.Process.SignalAsync("STOP", Cancel);
        var waits = new List<double>();
        for (int i = 0; i < 50; i++)
        {
            long started = Stopwatch.GetTimestamp();
            // Three look-ups, one inside the other, as a question has them.
            var cache = one.Get<LayeredCache>();
            await cache.GetAsync(CacheLayer.Question, $"q{i}", cache, static async (c, ct) =>
            {
                await c.GetAsync(CacheLayer.Embedding, Guid.NewGuid().ToString(), 0, static (_, _) => ValueTask.FromResult(new Value(0)), null, null, ct);
                await c.GetAsync(CacheLayer.Evidence, Guid.NewGuid().ToString(), 0, static (_, _) => ValueTask.FromResult(new Value(0)), null, null, ct);
                return new Value(1);
            }, null, null, Cancel);
            waits.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
        // A busy machine may add to one; that all wait is what must not be.
        waits.Max().ShouldBeLessThan(50 + 50);
        waits.Count(w => w > 20).ShouldBeLessThanOrEqualTo(3);
        one.Get<RedisConnection>().Circuit.IsOpen.ShouldBeTrue();
        await redis.Process.SignalAsync("CONT", Cancel);
        await UntilAsync(() => !one.Get<RedisConnection>().Circuit.IsOpen);
        one.Get<RedisConnection>().Circuit.Openings.ShouldBeGreaterThanOrEqualTo(1);
    }

    [Fact]
    public async Task Look_ups_of_one_question_share_its_time_for_Redis()
    {
        Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var one = await ReplicaAsync(redis.Endpoint);
        CacheCall? outer = null, inner = null;
        var cache = one.Get<LayeredCache>();
        await cache.GetAsync(CacheLayer.Question, "q", cache, async (c, ct) =>
        {
            outer = CacheCall.Current;
            await c.GetAsync(CacheLayer.Embedding, "e", 0, (_, _) =>
            {
                inner = CacheCall.Current;
                return ValueTask.FromResult(new Value(0));
            }, null, null, ct);
            return new Value(1);
        }, null, null, Cancel);
        inner.ShouldNotBeNull().ShouldNotBeSameAs(outer);
        inner.Budget.ShouldBeSameAs(outer!.Budget);
        outer.Budget!.Left.ShouldBeLessThan(one.Get<RedisConnection>().Wait);
    }

    [Fact]
    public async Task The_start_does_not_wait_for_a_Redis_that_is_not_there()
    {
        long started = Stopwatch.GetTimestamp();
        await using var service = await TestService.StartAsync(settings: new() { ["Caching:Redis:Endpoints"] = $"127.0.0.1:{ChildServer.FreePort()}" });
        (await GetAsync(service, "k", 1)).ShouldBe((1, false));
        (await GetAsync(service, "k", 2)).ShouldBe((1, true));
        Stopwatch.GetElapsedTime(started).TotalSeconds.ShouldBeLessThan(5);
        service.Get<RedisConnection>().Circuit.IsOpen.ShouldBeTrue();
        (await service.Get<CacheOperations>().PingAsync(Cancel)).Answers.ShouldBeFalse();
    }
}
