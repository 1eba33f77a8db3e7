using System.Diagnostics;
using Lucene.Net.Index;
using Lucene.Net.Search;
using Lucene.Net.Util;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference;

namespace Rag.Retrieval;

/// <summary>A chunk that was found, with what it scored. <see cref="Cosine"/> is 0 where the chunk has no vector or the question none.</summary>
internal sealed record FoundChunk(IndexedChunk Chunk, float Score, float Coverage, float Cosine);

/// <param name="Mode">The mode that was used: lexical where hybrid was asked for and there is no model.</param>
/// <param name="Degraded">Why less was done than was asked for; null where all was.</param>
internal sealed record RetrievalResult(IReadOnlyList<FoundChunk> Chunks, LexicalQuery Query, RetrievalMode Mode, string? Degraded);

/// <summary>
/// Finds chunks: full text and vectors, fused. Both scores are exact for every candidate of either side, and ties
/// break by place in the record, so that the same index gives the same order on every replica.
/// </summary>
internal sealed class Retriever(Embedder embedder, QueryEmbeddings embeddings, RetrievalOptions options, RetrievalMetrics metrics)
{
    private const float WithoutVector = 0;

    private readonly record struct Candidate(int Doc, float Score, float Coverage, float Cosine, long VersionNo, long Ordinal);

    /// <param name="count">How many chunks to return, best first; from 1 to <see cref="RetrievalOptions.MaxResults"/>.</param>
    /// <param name="onePerDocument">Only the best chunk of each document.</param>
    public async Task<RetrievalResult> FindAsync(
        IndexSnapshot snapshot, string question, RetrievalMode mode, int count, bool onePerDocument,
        IReadOnlyDictionary<string, string>? filter, CancellationToken ct)
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
        var query = new LexicalQuery(snapshot, question);
        var candidates = Rank(snapshot, query, vector, mode, count, filter);
        long loading = Stopwatch.GetTimestamp();
        var seen = onePerDocument ? new HashSet<long>() : null;
        var found = new List<FoundChunk>(Math.Min(count, candidates.Length));
        foreach (var c in candidates)
        {
            if (found.Count == count) break;
            if (seen is not null && !seen.Add(c.VersionNo)) continue;
            found.Add(new(snapshot.Load(c.Doc), c.Score, c.Coverage, c.Cosine));
        }
        metrics.Stage("load", loading);
        return new(found, query, mode, degraded);
    }

    private Candidate[] Rank(IndexSnapshot snapshot, LexicalQuery query, float[]? vector, RetrievalMode mode, int count, IReadOnlyDictionary<string, string>? facts)
    {
        // A caller who wants many results gets them from a proportionally wider pool.
        int pool = Math.Max(options.Candidates, count * 2);
        var filter = FilterOf(facts);
        var docs = new HashSet<int>();
        if (mode != RetrievalMode.Dense)
        {
            long started = Stopwatch.GetTimestamp();
            foreach (var (doc, _) in query.Search(pool, filter)) docs.Add(doc);
            metrics.Stage("lexical", started);
        }
        if (vector is not null && snapshot.EmbeddedCount > 0)
        {
            long started = Stopwatch.GetTimestamp();
            var live = filter is null ? snapshot.RowToDoc : Masked(snapshot, filter);
            foreach (int row in VectorSearch.TopRows(snapshot.Rows, new QuantizedQuery(vector), live, pool)) docs.Add(snapshot.RowToDoc[row]);
            metrics.Stage("dense", started);
        }
        long fusing = Stopwatch.GetTimestamp();
        var ranked = Fuse(snapshot, query, vector, mode, docs);
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
            float coverage = CoverageFusion.Coverage(bm25[i], query.Bound);
            float score = mode switch
            {
                RetrievalMode.Lexical => coverage,
                RetrievalMode.Dense => cosine,
                _ => CoverageFusion.Score(cosine, bm25[i], query.Bound),
            };
            candidates[i] = new(sorted[i], score, coverage, cosine, versions.Get(sorted[i]), ordinals.Get(sorted[i]));
        }
        Array.Sort(candidates, static (a, b) =>
            a.Score != b.Score ? b.Score.CompareTo(a.Score)
            : a.VersionNo != b.VersionNo ? a.VersionNo.CompareTo(b.VersionNo)
            : a.Ordinal.CompareTo(b.Ordinal));
        return candidates;
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

    private static Filter? FilterOf(IReadOnlyDictionary<string, string>? facts)
    {
        if (facts is null || facts.Count == 0) return null;
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
