using Lucene.Net.Analysis;
using Rag.Access;
using Rag.Indexing;
using Rag.Ingestion;

namespace Rag.Retrieval;

/// <summary>What is looked for: words, and a meaning where there is a model.</summary>
/// <param name="Vector">The question's unit vector; null in lexical mode, and there only.</param>
/// <param name="Count">How many chunks to return, best first.</param>
/// <param name="Pool">How many candidates each side contributes; at least <paramref name="Count"/>.</param>
/// <param name="Facts">Facts that the documents must have; null where all documents count.</param>
/// <param name="Scope">Which documents there are for whoever asks.</param>
internal sealed record IndexQuery(string Question, float[]? Vector, RetrievalMode Mode, int Count, int Pool, bool OnePerDocument, IReadOnlyDictionary<string, string>? Facts, ReadScope Scope);

/// <param name="Terms">The question's words, with their worth in this collection.</param>
/// <param name="Position">Change-log position that every part of this result reflects.</param>
/// <param name="Analyzer">The collection's analysis; thread-safe, and good for as long as the process runs.</param>
internal sealed record IndexResult(IReadOnlyList<FoundChunk> Chunks, IReadOnlyList<QueryTerm> Terms, long Position, Analyzer Analyzer);

/// <summary>
/// The search index as questions see it. Every engine guarantees the same: candidates are the best
/// <see cref="IndexQuery.Pool"/> chunks by BM25, exactly, and those nearest by cosine; each gets both scores exactly,
/// found by that side or not; facts and scope narrow both sides before they are ranked; equal scores come in the order of
/// the record; and one result reflects one position. What the scope does not show is as if it were not there: not in the
/// result, nor in how many chunks hold a word.
/// </summary>
internal interface ISearchIndex
{
    /// <summary>
    /// Names what questions of the scope find of the collection now: the change-log position of its last change, and whatever
    /// else two searches at one position may differ by; the scope is a part of it where scopes see different things. Null
    /// where this replica cannot say yet. Costs nothing. A replica that has said (<see cref="Storage.Followers"/>) that it
    /// reflects a change never again gives the state before.
    /// </summary>
    string? StateOf(Collection collection, ReadScope scope);

    /// <summary>Whether every one of the documents is there, and shown to the scope, in what questions find now.</summary>
    ValueTask<bool> ShowsAsync(Collection collection, IReadOnlyCollection<string> documents, ReadScope scope, CancellationToken ct);

    /// <exception cref="Foundation.RagException">Unavailable: there is no index of the collection yet, or the engine cannot be reached.</exception>
    ValueTask<IndexResult> SearchAsync(Collection collection, IndexQuery query, CancellationToken ct);
}
