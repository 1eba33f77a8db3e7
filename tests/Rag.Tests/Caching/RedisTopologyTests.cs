using System.ComponentModel;
using Rag.Caching;
using Rag.Foundation;
using Rag.Testing;

namespace Rag.Tests.Caching;

/// <summary>Passwords, Sentinel and a cluster, each on real servers.</summary>
[Collection(RedisCollection.Name)]
public sealed class RedisTopologyTests
{
    [ImmutableObject(true)]
    private sealed record Value(int Number);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static async Task<(int Number, bool Hit)> GetAsync(TestService service, string key, int number, string? owner = null)
    {
        var (value, hit) = await service.Get<LayeredCache>().GetAsync(
            CacheLayer.Question, key, number, static (n, _) => ValueTask.FromResult(new Value(n)), null, _ => owner is null ? [] : [owner], Cancel);
        return (value.Number, hit);
    }

    [Fact]
    public async Task A_user_that_may_touch_this_product_s_keys_only_is_enough()
    {
        RedisCacheTests.Need();
        await using var redis = await RedisServer.StartAsync(Cancel,
            "--user", "default", "off", "--user", "rag", "on", ">secret", "resetkeys", "~rag:*", "resetchannels", "&rag:*", "+@all", "-@dangerous", "+info");
        string file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "secret\n", Cancel);
        try
        {
            await using var one = await RedisCacheTests.ReplicaAsync(redis.Endpoint, ("User", "rag"), ("PasswordFile", file));
            await using var two = await RedisCacheTests.ReplicaAsync(redis.Endpoint, ("User", "rag"), ("PasswordFile", file));
            await GetAsync(one, "k", 1, owner: "document");
            await RedisCacheTests.WrittenAsync(one, 1);
            (await GetAsync(two, "k", 2)).ShouldBe((1, true));
            var ping = await one.Get<CacheOperations>().PingAsync(Cancel);
            ping.Answers.ShouldBeTrue();
            ping.Endpoints.ShouldHaveSingleItem().Role.ShouldBe("primary");
            var report = (await one.Get<CacheOperations>().StatsAsync(Cancel)).Redis!;
            report.Keys.ShouldBe(2);
            report.Servers.ShouldHaveSingleItem().MemoryBytes!.Value.ShouldBeGreaterThan(0);
            (await one.Get<CacheOperations>().ClearAsync(Cancel)).RedisKeys.ShouldBe(2);
            // The wrong password is no error of a question.
            await using var wrong = await TestService.StartAsync(settings: new() { ["Caching:Redis:Endpoints"] = redis.Endpoint, ["Caching:Redis:User"] = "rag", ["Caching:Redis:Password"] = "wrong" });
            (await GetAsync(wrong, "k", 3)).ShouldBe((3, false));
            await RedisCacheTests.UntilAsync(() => wrong.Get<RedisConnection>().Trouble is not null);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Behind_Sentinel_the_new_primary_is_used_after_a_failover()
    {
        RedisCacheTests.Need();
        await using var primary = await RedisServer.StartAsync(Cancel);
        await using var replica = await RedisServer.StartAsync(Cancel, "--replicaof", $"127.0.0.1 {primary.Port}");
        await replica.Process.WaitUntilAsync(async ct => (await replica.CallAsync(ct, "INFO", "replication")).Contains("master_link_status:up", StringComparison.Ordinal), TimeSpan.FromSeconds(20), Cancel);
        await using var sentinel = await RedisServer.StartSentinelAsync(primary, "answers", Cancel);
        // It must have seen the replica before it can promote it.
        await sentinel.Process.WaitUntilAsync(async ct => (await sentinel.CallAsync(ct, "SENTINEL", "REPLICAS", "answers")).Contains("slave", StringComparison.Ordinal), TimeSpan.FromSeconds(20), Cancel);
        await using var one = await RedisCacheTests.ReplicaAsync(sentinel.Endpoint, ("ServiceName", "answers"));
        await GetAsync(one, "k", 1);
        await RedisCacheTests.WrittenAsync(one, 1);
        (await primary.KeysAsync("rag:cache:1:question:*", Cancel)).Count.ShouldBe(1);
        await primary.Process.KillAsync();
        await RedisCacheTests.UntilAsync(async () => (await replica.CallAsync(Cancel, "INFO", "replication")).Contains("role:master", StringComparison.Ordinal));
        int asked = 0;
        await RedisCacheTests.UntilAsync(async () =>
        {
            (await GetAsync(one, $"n{asked++}", 2)).ShouldBe((2, false));
            return (await replica.KeysAsync("rag:cache:1:question:0:n*", Cancel)).Count > 0;
        }, limitMs: 25_000);
    }

    [Fact]
    public async Task In_a_cluster_values_lie_on_all_nodes_and_go_from_all()
    {
        RedisCacheTests.Need();
        var nodes = await RedisServer.StartClusterAsync(Cancel);
        try
        {
            await using var one = await RedisCacheTests.ReplicaAsync(nodes[0].Endpoint);
            await using var two = await RedisCacheTests.ReplicaAsync($"{nodes[1].Endpoint},{nodes[2].Endpoint}");
            for (int i = 0; i < 30; i++) await GetAsync(one, i.ToString(), i, owner: "document");
            await RedisCacheTests.WrittenAsync(one, 30);
            foreach (var node in nodes) (await node.KeysAsync("rag:cache:1:question:*", Cancel)).ShouldNotBeEmpty();
            for (int i = 0; i < 30; i++) (await GetAsync(two, i.ToString(), -1)).ShouldBe((i, true));
            (await one.Get<CacheOperations>().PingAsync(Cancel)).Endpoints.Count(e => e.Answers).ShouldBe(3);
            await two.Get<LayeredCache>().ForgetAsync("document");
            await RedisCacheTests.UntilAsync(async () => (await Task.WhenAll(nodes.Select(n => n.KeysAsync("rag:cache:*", Cancel)))).Sum(k => k.Count) == 0);
            await GetAsync(one, "x", 1);
            await RedisCacheTests.WrittenAsync(one, 31);
            (await one.Get<CacheOperations>().ClearAsync(Cancel)).RedisKeys.ShouldBe(1);
        }
        finally
        {
            foreach (var node in nodes) await node.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("redis://host:6379", "Caching:Redis:Endpoints")]
    [InlineData("host:0", "Caching:Redis:Endpoints")]
    [InlineData("user:password@host", "Caching:Redis:Endpoints")]
    public void What_is_no_endpoint_is_a_mistake_in_the_configuration(string endpoints, string key) =>
        new RedisOptions { Endpoints = endpoints }.Validate().ShouldContain((ConfigurationError e) => e.Key == key);

    [Fact]
    public void Endpoints_by_name_and_by_address_are_right() =>
        new RedisOptions { Endpoints = "redis-1:6379, 10.0.0.1:6380,[::1]:6379,redis.example.org" }.Validate().ShouldBeEmpty();
}
