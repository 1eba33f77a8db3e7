using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Rag.Access;

namespace Rag.Caching;

internal static class CachingEndpoints
{
    public static IEndpointRouteBuilder MapCaching(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/admin/v1/cache").WithTags("Operate").Needs(Role.Operator);
        group.MapGet("/", (CacheOperations cache, CancellationToken ct) => cache.StatsAsync(ct)).WithSummary("What the cache holds and how often it helps");
        group.MapPost("/ping", (CacheOperations cache, CancellationToken ct) => cache.PingAsync(ct)).WithSummary("Ask each Redis endpoint whether it answers");
        group.MapDelete("/", (CacheOperations cache, CancellationToken ct) => cache.ClearAsync(ct)).WithSummary("Empty the cache on every replica, and remove its keys from Redis");
        return routes;
    }
}
