using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Rag.Access;
using Rag.Audit;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Retrieval;

/// <param name="K">How many results, 1 to 1000; 10 when absent.</param>
/// <param name="Mode"><c>hybrid</c> (default), <c>lexical</c> or <c>dense</c>.</param>
/// <param name="By"><c>chunk</c> (default), or <c>document</c> for the best chunk of each.</param>
/// <param name="Filter">Facts that the documents must have, such as <c>media_type</c>.</param>
/// <param name="WaitFor">Change-log position to wait for: what a write returned.</param>
public sealed record SearchRequest(
    string? Query, string? Collection = null, int K = 10, string? Mode = null, string? By = null, Dictionary<string, string>? Filter = null, long? WaitFor = null);

/// <summary>A chunk that was found; offsets count UTF-16 code units of that version's extracted text.</summary>
/// <param name="Coverage">Share of the question's worth that its words cover, 0 to 1.</param>
/// <param name="Cosine">Closeness of meaning, -1 to 1.</param>
public sealed record SearchHit(
    string Document, string Title, long Version, string Uri, int Chunk, string HeadingPath, int? Page, int Start, int End, string Text,
    double Score, double Coverage, double Cosine);

public sealed record SearchResponse(string Query, string Collection, string Mode, long IndexPosition, IReadOnlyList<SearchHit> Hits, string? DegradedReason);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SearchRequest))]
[JsonSerializable(typeof(SearchResponse))]
internal sealed partial class RetrievalJson : JsonSerializerContext;

internal static class RetrievalEndpoints
{
    public static IEndpointRouteBuilder MapRetrieval(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/search", SearchAsync).Needs(Role.Reader).RequireRateLimiting(LoadClass.Questions).WithTags("Search").WithSummary("Find passages");
        return routes;
    }

    private static async Task<Ok<SearchResponse>> SearchAsync(
        SearchRequest request, Retriever retriever, RetrievalOptions options, ServerOptions server, CollectionCatalog catalog, Collections collections, IIndexer indexer, RecordState record, DataAccessLog accesses, SecurityFeed security, CancellationToken ct)
    {
        if (request.Query is { } query) security.Question(query);
        return await TimeBudget.RunAsync(server.QuestionTimeoutMs, 0, async (_, token) => await FindAsync(request, retriever, options, catalog, collections, indexer, record, accesses, token), ct);
    }

    private static async Task<Ok<SearchResponse>> FindAsync(
        SearchRequest request, Retriever retriever, RetrievalOptions options, CollectionCatalog catalog, Collections collections, IIndexer indexer, RecordState record, DataAccessLog accesses, CancellationToken ct)
    {
        if (request.K < 1 || request.K > options.MaxResults) throw new RagException(ErrorKind.Invalid, $"k is {request.K}.", $"Choose 1 to {options.MaxResults}.");
        if (request.By is not (null or "chunk" or "document")) throw new RagException(ErrorKind.Invalid, $"by is '{request.By}'.", "Use chunk or document.");
        string query = QueryText.Normalise(request.Query, "query");
        if (request.WaitFor is { } position) await indexer.WaitForAsync(position, TimeSpan.FromSeconds(10), ct);
        string name = request.Collection ?? Collections.Default;
        if (catalog.Find(name) is null) record.Require();
        var collection = catalog.Find(name) ?? await collections.GetAsync(name, ct);
        var found = await retriever.FindAsync(collection, query, RetrievalModes.Parse(request.Mode), request.K, request.By == "document", request.Filter, ct);
        var hits = found.Chunks.Select(f => new SearchHit(
            f.Chunk.DocumentId, f.Chunk.Title, f.Chunk.Version, f.Chunk.Uri, f.Chunk.Ordinal, f.Chunk.HeadingPath, f.Chunk.Page, f.Chunk.Start, f.Chunk.End,
            f.Chunk.Text, Math.Round(f.Score, 4), Math.Round(f.Coverage, 4), Math.Round(f.Cosine, 4))).ToList();
        accesses.Note(new("search", collection.Id, query, null, [.. hits.Select(h => h.Document).Distinct()]));
        return TypedResults.Ok(new SearchResponse(query, collection.Name, found.Mode.ToString().ToLowerInvariant(), found.Position, hits, found.Degraded));
    }
}
