using System.ComponentModel;
using CsCheck;
using Rag.Caching;

namespace Rag.Tests.Caching;

public sealed class LayeredCacheTests
{
    [ImmutableObject(true)]
    private sealed record Value(int Number);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static async Task<(Value Value, bool Hit)> GetAsync(LayeredCache cache, string key, int number, bool keep = true, string? owner = null) =>
        await cache.GetAsync(CacheLayer.Question, key, number, static (n, _) => ValueTask.FromResult(new Value(n)), _ => keep, _ => owner is null ? [] : [owner], Cancel);

    [Fact]
    public async Task What_was_computed_is_handed_out_again_and_counted()
    {
        await using var service = await TestService.StartAsync();
        var cache = service.Get<LayeredCache>();
        var (first, missed) = await GetAsync(cache, "k", 1);
        var (second, hit) = await GetAsync(cache, "k", 2);
        (missed, hit).ShouldBe((false, true));
        second.ShouldBeSameAs(first);
        service.Get<CacheMetrics>().Of(CacheLayer.Question).ShouldBe((2, 1));
    }

    [Fact]
    public async Task What_is_not_worth_keeping_is_not_kept()
    {
        await using var service = await TestService.StartAsync();
        var cache = service.Get<LayeredCache>();
        await GetAsync(cache, "k", 1, keep: false);
        (await GetAsync(cache, "k", 2)).Value.Number.ShouldBe(2);
    }

    [Fact]
    public async Task What_an_owner_said_goes_with_the_owner()
    {
        await using var service = await TestService.StartAsync();
        var cache = service.Get<LayeredCache>();
        await GetAsync(cache, "k", 1, owner: "document");
        await GetAsync(cache, "other", 1, owner: "another");
        await cache.ForgetAsync("document");
        (await GetAsync(cache, "k", 2)).Hit.ShouldBeFalse();
        (await GetAsync(cache, "other", 2)).Hit.ShouldBeTrue();
        await cache.ClearAsync();
        (await GetAsync(cache, "other", 3)).Hit.ShouldBeFalse();
    }

    [Fact]
    public async Task Turned_off_it_computes_every_time()
    {
        await using var service = await TestService.StartAsync(settings: new() { ["Caching:Enabled"] = "false" });
        var cache = service.Get<LayeredCache>();
        await GetAsync(cache, "k", 1);
        (await GetAsync(cache, "k", 2)).Value.Number.ShouldBe(2);
    }

    [Fact]
    public void Keys_are_equal_only_for_equal_lists_of_parts() => Gen.Select(Gen.String.Array[0, 4], Gen.String.Array[0, 4]).Sample((a, b) =>
        (LayeredCache.Key(a) == LayeredCache.Key(b)) == a.SequenceEqual(b) && LayeredCache.Key([.. a, ""]) != LayeredCache.Key(a));
}
