using Lucene.Net.Index;
using Lucene.Net.Search;
using Rag.Indexing;

namespace Rag.Retrieval;

/// <summary>
/// A question as the local full-text index sees it: its distinct terms, their worth, and BM25 for any chunk, found by the
/// full-text search or not.
/// </summary>
internal sealed class LexicalQuery
{
    private readonly IndexSnapshot _snapshot;
    private readonly ChunkSearcher _searcher;

    /// <param name="readable">What there is for whoever asks; null for everything.</param>
    public LexicalQuery(IndexSnapshot snapshot, string question, ReadableChunks? readable)
    {
        (_snapshot, _searcher) = (snapshot, readable?.Searcher ?? snapshot.Searcher);
        long chunks = _searcher.CollectionStatistics(IndexFields.Text).MaxDoc;
        Terms = QuestionTerms.Of(snapshot.Analyzer, question)
            .ConvertAll(text => QuestionTerms.Weigh(text, _searcher.HoldersOf(new Term(IndexFields.Text, text)), chunks));
        Bound = QuestionTerms.Bound(Terms);
    }

    public IReadOnlyList<QueryTerm> Terms { get; }

    /// <summary>The most that any text could score: every term, as often as it likes.</summary>
    public float Bound { get; }

    /// <summary>The best <paramref name="count"/> chunks by BM25, as (full-text document, score).</summary>
    public IEnumerable<(int Doc, float Score)> Search(int count, Filter? filter)
    {
        var query = new BooleanQuery(disableCoord: true);
        foreach (var term in Terms)
            if (term.DocumentFrequency > 0) query.Add(new TermQuery(new Term(IndexFields.Text, term.Text)), Occur.SHOULD);
        if (query.Clauses.Count == 0) return [];
        return _searcher.Search(query, filter, count).ScoreDocs.Select(d => (d.Doc, d.Score));
    }

    /// <summary>BM25 of the given chunks, in ascending order of their number: the figure that <see cref="Search"/> gives.</summary>
    public float[] Score(ReadOnlySpan<int> docs)
    {
        var scores = new float[docs.Length];
        var reader = _snapshot.Reader;
        var statistics = _searcher.CollectionStatistics(IndexFields.Text);
        foreach (var queryTerm in Terms)
        {
            if (queryTerm.DocumentFrequency == 0) continue;
            var term = new Term(IndexFields.Text, queryTerm.Text);
            var context = TermContext.Build(reader.Context, term);
            var weight = IndexFields.Similarity.ComputeWeight(1f, statistics, _searcher.TermStatistics(term, context));
            weight.Normalize(1f, 1f);
            int i = 0;
            foreach (var leaf in reader.Leaves)
            {
                int first = i, leafEnd = leaf.DocBase + leaf.AtomicReader.MaxDoc;
                while (i < docs.Length && docs[i] < leafEnd) i++;
                if (i == first) continue;
                var postings = leaf.AtomicReader.GetTermDocsEnum(term);
                if (postings is null) continue;
                var scorer = IndexFields.Similarity.GetSimScorer(weight, leaf);
                int at = -1;
                for (int d = first; d < i; d++)
                {
                    int target = docs[d] - leaf.DocBase;
                    if (at < target) at = postings.Advance(target);
                    if (at == target) scores[d] += scorer.Score(at, postings.Freq);
                }
            }
        }
        return scores;
    }
}
