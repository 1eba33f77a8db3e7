using System.Diagnostics;
using Lucene.Net.Index;
using Lucene.Net.Search;
using Lucene.Net.Util;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;

namespace Rag.Retrieval;

/// <summary>Searches the index on this replica's disk: full text in Lucene, vectors by an exact scan.</summary>
internal sealed class LocalSearchIndex(IndexStore indexes, RetrievalMetrics metrics) : ISearchIndex
{
    private const float WithoutVector = 0;

    public string? StateOf(Collection collection) => indexes.Find(collection.Id)?.State;

    public ValueTask<IndexResult> SearchAsync(Collection collection, IndexQuery query, CancellationToken ct)
    {
        var index = indexes.Find(collection.Id) ?? throw new RagException(
            ErrorKind.Unavailable, $"Collection '{collection.Name}' is not in this replica's index yet.", "Try again in a moment.");
        using var snapshot = index.Acquire();
        return ValueTask.FromResult(Search(snapshot, query));
    }

    /// <summary>The same in a snapshot that the caller holds.</summary>
    public IndexResult Search(IndexSnapshot snapshot, IndexQuery query)
    {
        var lexical = new LexicalQuery(snapshot, query.Question);
        var candidates = Rank(snapshot, lexical, query);
        long loading = Stopwatch.GetTimestamp();
        var found = Candidate.Take(candidates, query.Count, query.OnePerDocument).Select(c => new FoundChunk(snapshot.Load((int)c.Key), c.Score, c.Coverage, c.Cosine)).ToList();
        metrics.Stage("load", loading);
        return new(found, lexical.Terms, snapshot.Position, snapshot.Analyzer);
    }

    private Candidate[] Rank(IndexSnapshot snapshot, LexicalQuery lexical, IndexQuery query)
    {
        var filter = FilterOf(query.Facts);
        var docs = new HashSet<int>();
        if (query.Mode != RetrievalMode.Dense)
        {
            long started = Stopwatch.GetTimestamp();
            foreach (var (doc, _) in lexical.Search(query.Pool, filter)) docs.Add(doc);
            metrics.Stage("lexical", started);
        }
        if (query.Vector is { } vector && snapshot.EmbeddedCount > 0)
        {
            long started = Stopwatch.GetTimestamp();
            var live = filter is null ? snapshot.RowToDoc : Masked(snapshot, filter);
            foreach (int row in VectorSearch.TopRows(snapshot.Rows, new QuantizedQuery(vector), live, query.Pool)) docs.Add(snapshot.RowToDoc[row]);
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

    private static Filter? FilterOf(IReadOnlyDictionary<string, string>? facts)
    {
        if (facts is null) return null;
        var query = new BooleanQuery();
        foreach (var (key, value) in facts) query.Add(new TermQuery(new Term(IndexFields.Fact, $"{key}={value}")), Occur.MUST);
        return new QueryWrapperFilter(query);
    }

    private static int[] Masked(IndexSnapshot snapshot, Filter filter)
    {
        var bits = new FixedBitSet(Math.Max(1, snapshot.Reader.MaxDoc));
        foreach (var leaf in snapshot.Reader.Leaves)
        {
            var docs = filter.GetDocIdSet(leaf, leaf.AtomicReader.LiveDocs)?.GetIterator();
            if (docs is null) continue;
            for (int doc = docs.NextDoc(); doc != DocIdSetIterator.NO_MORE_DOCS; doc = docs.NextDoc()) bits.Set(leaf.DocBase + doc);
        }
        return Array.ConvertAll(snapshot.RowToDoc, doc => doc >= 0 && bits.Get(doc) ? doc : -1);
    }
}
