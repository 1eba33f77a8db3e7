using System.Diagnostics;
using Lucene.Net.Index;
using Lucene.Net.Util;
using Rag.Access;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;

namespace Rag.Retrieval;

/// <summary>Searches the index on this replica's disk: full text in Lucene, vectors by an exact scan.</summary>
internal sealed class LocalSearchIndex(IndexStore indexes, IIndexer indexer, RetrievalMetrics metrics) : ISearchIndex
{
    private const float WithoutVector = 0;

    public string? StateOf(Collection collection, ReadScope scope) => Find(collection)?.StateOf(scope);

    public ValueTask<IndexResult> SearchAsync(Collection collection, IndexQuery query, CancellationToken ct)
    {
        var index = Find(collection) ?? throw new RagException(
            ErrorKind.Unavailable, $"Collection '{collection.Name}' is not in this replica's index yet.", "Try again in a moment.");
        using var snapshot = index.Acquire();
        return ValueTask.FromResult(Search(snapshot, query));
    }

    public ValueTask<bool> ShowsAsync(Collection collection, IReadOnlyCollection<string> documents, ReadScope scope, CancellationToken ct)
    {
        using var snapshot = Find(collection)?.Acquire();
        return ValueTask.FromResult(snapshot?.Shows(documents, scope) ?? false);
    }

    /// <summary>Nothing before this replica has caught up: what was taken away while it was gone is still in what it has on disk.</summary>
    private CollectionIndex? Find(Collection collection) => indexer.CanAnswer ? indexes.Find(collection.Id) : null;

    /// <summary>The same in a snapshot that the caller holds.</summary>
    public IndexResult Search(IndexSnapshot snapshot, IndexQuery query)
    {
        var lexical = new LexicalQuery(snapshot, query.Question, snapshot.ReadableBy(query.Scope));
        var candidates = Rank(snapshot, lexical, query);
        long loading = Stopwatch.GetTimestamp();
        var found = Candidate.Take(candidates, query.Count, query.OnePerDocument).Select(c => new FoundChunk(snapshot.Load((int)c.Key), c.Score, c.Coverage, c.Cosine)).ToList();
        metrics.Stage("load", loading);
        return new(found, lexical.Terms, snapshot.Position, snapshot.Analyzer);
    }

    private Candidate[] Rank(IndexSnapshot snapshot, LexicalQuery lexical, IndexQuery query)
    {
        var wanted = Wanted(snapshot, query);
        var docs = new HashSet<int>();
        if (query.Mode != RetrievalMode.Dense)
        {
            long started = Stopwatch.GetTimestamp();
            foreach (var (doc, _) in lexical.Search(query.Pool, wanted is null ? null : ChunkSet.ToFilter(wanted))) docs.Add(doc);
            metrics.Stage("lexical", started);
        }
        if (query.Vector is { } vector && snapshot.EmbeddedCount > 0)
        {
            long started = Stopwatch.GetTimestamp();
            foreach (int row in VectorSearch.TopRows(snapshot.Rows, new QuantizedQuery(vector), snapshot.RowToDoc, ChunkSet.Words(wanted), query.Pool)) docs.Add(snapshot.RowToDoc[row]);
            metrics.Stage("dense", started);
        }
        long fusing = Stopwatch.GetTimestamp();
        var ranked = Fuse(snapshot, lexical, query.Vector, query.Mode, docs);
        metrics.Stage("fuse", fusing);
        return ranked;
    }

    private static Candidate[] Fuse(IndexSnapshot snapshot, LexicalQuery query, float[]? vector, RetrievalMode mode, HashSet<int> docs)
    {
        int[] sorted = [.. docs.Order()];
        float[] bm25 = mode == RetrievalMode.Dense ? new float[sorted.Length] : query.Score(sorted);
        var rows = MultiDocValues.GetNumericValues(snapshot.Reader, IndexFields.Row);
        var versions = MultiDocValues.GetNumericValues(snapshot.Reader, IndexFields.VersionNo);
        var ordinals = MultiDocValues.GetNumericValues(snapshot.Reader, IndexFields.Ordinal);
        var quantized = vector is null ? null : new QuantizedQuery(vector);
        var candidates = new Candidate[sorted.Length];
        for (int i = 0; i < sorted.Length; i++)
        {
            int row = (int)rows.Get(sorted[i]) - 1;
            float cosine = quantized is null || row < 0 ? WithoutVector : VectorScan.Score(snapshot.Rows.Row(row), quantized);
            candidates[i] = Candidate.Of(mode, sorted[i], cosine, bm25[i], query.Bound, versions.Get(sorted[i]), ordinals.Get(sorted[i]));
        }
        Array.Sort(candidates);
        return candidates;
    }

    /// <summary>The chunks that have all the facts and that the scope shows; null where that is all chunks.</summary>
    private static FixedBitSet? Wanted(IndexSnapshot snapshot, IndexQuery query)
    {
        var wanted = snapshot.ReadableBy(query.Scope)?.Docs;
        if (query.Facts is null) return wanted;
        // What is remembered of a scope is not written to.
        wanted = wanted?.Clone();
        foreach (var (key, value) in query.Facts)
        {
            var having = ChunkSet.Of(snapshot.Reader, [new Term(IndexFields.Fact, $"{key}={value}")]);
            if (wanted is null) wanted = having;
            else wanted.And(having);
        }
        return wanted;
    }
}
