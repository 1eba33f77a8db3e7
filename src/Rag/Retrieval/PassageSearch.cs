using Rag.Access;
using Rag.Audit;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;

namespace Rag.Retrieval;

/// <summary>Finds passages for whoever asks, in a collection that they may read and among the documents that they are shown.</summary>
internal sealed class PassageSearch(Retriever retriever, ISearchIndex index, IIndexer indexer, DataAccessLog accesses, RetrievalOptions options)
{
    private const int MaxAttempts = 4;
    private static readonly TimeSpan WaitLimit = TimeSpan.FromSeconds(10);

    public async Task<SearchResponse> FindAsync(SearchRequest request, CancellationToken ct)
    {
        if (request.K < 1 || request.K > options.MaxResults) throw new RagException(ErrorKind.Invalid, $"k is {request.K}.", $"Choose 1 to {options.MaxResults}.");
        if (request.By is not (null or "chunk" or "document")) throw new RagException(ErrorKind.Invalid, $"by is '{request.By}'.", "Use chunk or document.");
        string query = QueryText.Normalise(request.Query, "query");
        var mode = RetrievalModes.Parse(request.Mode);
        if (request.WaitFor is { } position) await indexer.WaitForAsync(position, WaitLimit, ct);
        var collection = await retriever.CollectionAsync(request.Collection, ct);
        var caller = Caller.Current;
        var scope = caller.Scope;
        for (int attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            string? now = index.StateOf(collection, scope);
            var found = await retriever.FindAsync(collection, query, mode, request.K, request.By == "document", request.Filter, scope, ct);
            // What was taken away while this was found is not told any more.
            string[] shown = [.. found.Chunks.Select(c => c.Chunk.DocumentId).Distinct()];
            if (index.StateOf(collection, scope) != now && !await index.ShowsAsync(collection, shown, scope, ct)) continue;
            accesses.Note(new("search", collection.Id, query, null, shown) { Privileged = await retriever.IsPrivilegedAsync(collection, shown, caller, ct) });
            return Response(query, collection, found);
        }
        throw Retriever.Unsettled();
    }

    private static SearchResponse Response(string query, Collection collection, RetrievalResult found)
    {
        var hits = found.Chunks.Select(f => new SearchHit(
            f.Chunk.DocumentId, f.Chunk.Title, f.Chunk.Version, f.Chunk.Uri, f.Chunk.Ordinal, f.Chunk.HeadingPath, f.Chunk.Page, f.Chunk.Start, f.Chunk.End,
            f.Chunk.Text, Math.Round(f.Score, 4), Math.Round(f.Coverage, 4), Math.Round(f.Cosine, 4))).ToList();
        return new(query, collection.Name, found.Mode.ToString().ToLowerInvariant(), found.Position, hits, found.Degraded);
    }
}
