using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Rag.Access;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Protocols;

internal static class ProtocolsEndpoints
{
    private const int MaxBodyBytes = 1_048_576;

    public static IEndpointRouteBuilder MapProtocols(this IEndpointRouteBuilder routes)
    {
        var (chat, embeddings) = (routes.ServiceProvider.GetRequiredService<ChatCompletions>(), routes.ServiceProvider.GetRequiredService<EmbeddingDoor>());
        var openAi = routes.MapGroup("/v1").WithTags("OpenAI").Needs(Role.Reader).WithOpenAiErrors();
        openAi.MapPost("/chat/completions", (Delegate)((HttpContext context) => chat.HandleAsync(context))).WithSummary("Ask as OpenAI's clients do; the model is a collection")
            .Accepts<ChatRequest>("application/json").Produces<ChatCompletion>().WithMetadata(new RequestSizeLimitAttribute(MaxBodyBytes)).RequireRateLimiting(LoadClass.Questions);
        openAi.MapPost("/embeddings", (Delegate)((HttpContext context) => embeddings.HandleAsync(context))).WithSummary("Vectors of texts by the product's own model")
            .Accepts<EmbeddingRequest>("application/json").Produces<EmbeddingResponse>().WithMetadata(new RequestSizeLimitAttribute(MaxBodyBytes)).RequireRateLimiting(LoadClass.Questions);
        openAi.MapGet("/models", ListAsync).WithSummary("Every collection that the caller may read, as a model");
        openAi.MapGet("/models/{id}", GetAsync).WithSummary("One collection as a model, or the embedding model");
        routes.MapMcp("/mcp").Needs(Role.Reader).RequireRateLimiting(LoadClass.Questions).WithMetadata(new RequestSizeLimitAttribute(MaxBodyBytes));
        return routes;
    }

    private static async Task<Ok<ModelList>> ListAsync(Library library, CollectionCatalog catalog, RecordState record, CancellationToken ct)
    {
        // What is indexed here can be asked without the record.
        var collections = record.Away ? [.. catalog.All.Where(c => Caller.Current.MayRead(c.Id))] : await library.CollectionsAsync(ct);
        return TypedResults.Ok(new ModelList("list", [.. collections.Select(View)]));
    }

    private static async Task<Ok<ModelView>> GetAsync(string id, Retrieval.Retriever retriever, EmbeddingDoor door, CancellationToken ct) =>
        TypedResults.Ok(door.Knows(id) ? new(id, "model", 0, "rag-system") : View(await retriever.CollectionAsync(id, ct)));

    private static ModelView View(Collection c) => new(c.Name, "model", Clock.FromMicroseconds(c.CreatedAt).ToUnixTimeSeconds(), "rag-system");
}
