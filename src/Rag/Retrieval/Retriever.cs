using System.Diagnostics;
using Lucene.Net.Analysis;
using Rag.Access;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Retrieval;

/// <summary>A chunk that was found, with what it scored. <see cref="Cosine"/> is 0 where the chunk has no vector or the question none.</summary>
internal sealed record FoundChunk(IndexedChunk Chunk, float Score, float Coverage, float Cosine);

/// <param name="Mode">The mode that was used: lexical where hybrid was asked for and there is no model.</param>
/// <param name="Degraded">Why less was done than was asked for; null where all was.</param>
/// <param name="Position">Change-log position that the result reflects.</param>
internal sealed record RetrievalResult(IReadOnlyList<FoundChunk> Chunks, IReadOnlyList<QueryTerm> Terms, RetrievalMode Mode, string? Degraded, long Position, Analyzer Analyzer);

/// <summary>
/// Finds chunks: full text and vectors, fused, in whichever index is configured. A question without a vector is
/// searched by its words.
/// </summary>
internal sealed class Retriever(
    ISearchIndex index, CollectionCatalog catalog, Collections collections, RecordState state, Embedder embedder, QueryEmbeddings embeddings, RetrievalOptions options, RetrievalMetrics metrics)
{
    /// <summary>The collection of that name that the caller may read; <c>default</c> with null. One that is in the index is found without the record.</summary>
    /// <exception cref="RagException">NotFound: there is none, or the caller may not read it, which looks the same.</exception>
    public async ValueTask<Collection> CollectionAsync(string? name, CancellationToken ct)
    {
        name ??= Collections.Default;
        var caller = Caller.Current;
        if (catalog.Find(name) is { } indexed && caller.MayRead(indexed.Id)) return indexed;
        // Just made, or none: only the record knows.
        state.Require();
        return await collections.FindAsync(name, ct) is { } found && caller.MayRead(found.Id) ? found : throw Collections.Unknown(name);
    }

    /// <summary>Whether the caller is shown some of the documents by the right to see everything only; costs nothing where nothing is limited.</summary>
    public async ValueTask<bool> IsPrivilegedAsync(Collection collection, IEnumerable<string> documents, Caller caller, CancellationToken ct) =>
        caller.WithoutPrivilege is { } own && index.StateOf(collection, own) != index.StateOf(collection, ReadScope.Everything) && !await index.ShowsAsync(collection, [.. documents], own, ct);

    /// <summary>What somebody may read went on changing while they were being answered.</summary>
    public static RagException Unsettled() => new(ErrorKind.Unavailable, "What you may read changed while this was being answered, several times.", "Ask again.");

    /// <param name="count">How many chunks to return, best first; from 1 to <see cref="RetrievalOptions.MaxResults"/>.</param>
    /// <param name="onePerDocument">Only the best chunk of each document.</param>
    /// <param name="scope">Which documents there are for whoever asks.</param>
    public async Task<RetrievalResult> FindAsync(
        Collection collection, string question, RetrievalMode mode, int count, bool onePerDocument,
        IReadOnlyDictionary<string, string>? filter, ReadScope scope, CancellationToken ct)
    {
        string? degraded = null;
        float[]? vector = null;
        if (mode != RetrievalMode.Lexical)
        {
            long started = Stopwatch.GetTimestamp();
            (vector, degraded) = await EmbedAsync(question, mode, ct);
            metrics.Stage("embed", started);
            if (vector is null) mode = RetrievalMode.Lexical;
        }
        // A caller who wants many results gets them from a proportionally wider pool.
        int pool = Math.Max(options.Candidates, count * 2);
        var found = await index.SearchAsync(collection, new(question, vector, mode, count, pool, onePerDocument, filter is { Count: > 0 } ? filter : null, scope), ct);
        return new(found.Chunks, found.Terms, mode, degraded, found.Position, found.Analyzer);
    }

    private async Task<(float[]? Vector, string? Degraded)> EmbedAsync(string question, RetrievalMode mode, CancellationToken ct)
    {
        if (!embedder.Available) return Without(mode, embedder.UnavailableReason ?? "no embedding model");
        try
        {
            return (await embeddings.GetAsync(question, ct), null);
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            return Without(mode, e.Message);
        }
    }

    private static (float[]?, string?) Without(RetrievalMode mode, string reason) => mode == RetrievalMode.Hybrid
        ? (null, $"searched by words only: {reason}")
        : throw new RagException(ErrorKind.Unavailable, $"Dense search needs the embedding model: {reason}", "Use mode lexical or hybrid, or mend the model: 'rag status' says what is missing.");
}
