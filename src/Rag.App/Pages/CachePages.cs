using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Caching;
using Rag.Foundation;

namespace Rag.App.Pages;

/// <param name="Ping">What each endpoint of Redis answered just now; null where nobody asked.</param>
/// <param name="Notice">What was done just now; null where nothing was.</param>
/// <param name="Waits">Whether Redis has not been cleared yet.</param>
public sealed record CacheModel(CacheReport Report, string FormToken, CachePing? Ping = null, string? Notice = null, bool Waits = false);

public sealed record ClearCacheModel(CacheReport Report, string FormToken);

/// <summary>The cache of this replica and Redis: what they hold and how often they help, asking Redis, and emptying both. Forms work without scripts.</summary>
internal static class CachePages
{
    public const string Path = "/operate/cache";

    public static void MapCachePages(this IEndpointRouteBuilder pages)
    {
        var cache = pages.MapGroup(Path).Needs(Role.Operator);
        cache.MapGet("", ShowAsync);
        cache.MapPost("/ping", PingAsync);
        cache.MapGet("/clear", ConfirmAsync);
        cache.MapPost("/clear", ClearAsync);
    }

    private static async Task<RazorComponentResult<CachePage>> ShowAsync(HttpContext context, OperateReadings readings, CancellationToken ct, string? cleared = null, string? redis = null, string? waits = null)
    {
        var model = new CacheModel(await readings.Cache.GetAsync(ct), PageForms.Token(context));
        if (Number(cleared) is { } entries)
            model = model with { Notice = $"The cache was emptied: {Show.Count(entries, "entry", "entries")} in this process{(Number(redis) is { } keys ? $", {Show.Count(keys, "key")} in Redis" : "")}.", Waits = waits is not null };
        return PageResult.Of<CachePage, CacheModel>(context, model);
    }

    private static async Task<RazorComponentResult<CachePage>> PingAsync(HttpContext context, OperateReadings readings, CacheOperations cache, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var ping = await cache.PingAsync(ct);
        return PageResult.Of<CachePage, CacheModel>(context, new(await readings.Cache.GetAsync(ct), PageForms.Token(context), ping));
    }

    private static async Task<RazorComponentResult<ClearCachePage>> ConfirmAsync(HttpContext context, OperateReadings readings, CancellationToken ct) =>
        PageResult.Of<ClearCachePage, ClearCacheModel>(context, new(await readings.Cache.GetAsync(ct), PageForms.Token(context)));

    private static async Task<RedirectHttpResult> ClearAsync(HttpContext context, CacheOperations cache, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var cleared = await cache.ClearAsync(ct);
        return TypedResults.LocalRedirect(string.Create(CultureInfo.InvariantCulture, $"{Path}?cleared={cleared.Entries}{(cleared.RedisKeys is { } keys ? $"&redis={keys}" : "")}{(cleared.Problem is null ? "" : "&waits=1")}"));
    }

    /// <summary>A figure of a notice; an address that somebody wrote by hand gives none.</summary>
    private static long? Number(string? text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long n) ? n : null;
}
