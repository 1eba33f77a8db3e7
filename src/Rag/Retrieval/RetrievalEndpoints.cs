using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Rag.Access;
using Rag.Foundation;

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

    private static async Task<Ok<SearchResponse>> SearchAsync(SearchRequest request, PassageSearch search, ServerOptions server, SecurityFeed security, CancellationToken ct)
    {
        if (request.Query is { } query) security.Question(query, Audit.Actor.Current, System.Diagnostics.Activity.Current);
        return TypedResults.Ok(await TimeBudget.RunAsync(server.QuestionTimeoutMs, (search, request), static async (s, token) => await s.search.FindAsync(s.request, token), ct));
    }
}
