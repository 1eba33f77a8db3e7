using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Rag.Storage;

internal static class StorageEndpoints
{
    public static IEndpointRouteBuilder MapStorage(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/admin/v1/database", (Database database, CancellationToken ct) => database.CheckAsync(ct)).WithTags("Operate").WithSummary("How the record's engine is");
        return routes;
    }
}
