using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Rag.Access;
using Rag.Audit;
using Rag.Inference;
using Rag.Ingestion;

namespace Rag.Indexing;

internal static class IndexingEndpoints
{
    public static IEndpointRouteBuilder MapIndexing(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/admin/v1/index").WithTags("Operate").Needs(Role.Operator);
        group.MapGet("/", (IndexVerifier verifier, Embedder embedder, CancellationToken ct) => verifier.StatusAsync(embedder, ct)).WithSummary("How far the index is");
        group.MapPost("/verify", async (IndexVerifier verifier, AuditTrail audit, CancellationToken ct) =>
        {
            await audit.RecordAsync(AuditEvent.Administrative("index.verify", "index"), ct);
            return await verifier.VerifyAsync(ct);
        }).WithSummary("Compare the index with the record");
        group.MapPost("/rebuild", RebuildAsync).WithSummary("Build the index anew from the record; questions go on meanwhile");
        return routes;
    }

    private static async Task<Ok<IndexStatus>> RebuildAsync(IIndexer indexer, IndexVerifier verifier, AuditTrail audit, Embedder embedder, Collections collections, CancellationToken ct, string? collection = null)
    {
        var all = collection is null ? await collections.ListAsync(ct) : [await collections.GetAsync(collection, ct)];
        await audit.RecordAsync(AuditEvent.Administrative("index.rebuild", collection is null ? "index" : "collection:" + collection), ct);
        foreach (var one in all) await indexer.RebuildAsync(one, progress: null, ct);
        return TypedResults.Ok(await verifier.StatusAsync(embedder, ct));
    }
}
