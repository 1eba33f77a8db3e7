using Lucene.Net.Index;
using Lucene.Net.Search;

namespace Rag.Indexing;

/// <summary>
/// Full-text search with statistics that make sense for small collections too: one of fewer than
/// <see cref="MinChunks"/> chunks counts as a sample of that many. In a collection of three, every word that is
/// there would otherwise weigh next to nothing, and one that is not would decide.
/// </summary>
/// <remarks>
/// In a part of a collection the words of that part count, and no others. Lengths are compared with the average of the
/// whole: it tells of no word.
/// </remarks>
internal sealed class ChunkSearcher : IndexSearcher
{
    public const int MinChunks = 1_000;

    private readonly ReadableChunks? _part;

    /// <param name="part">What is searched, where that is not everything.</param>
    public ChunkSearcher(IndexReader reader, ReadableChunks? part = null) : base(reader) => (_part, Similarity) = (part, IndexFields.Similarity);

    public int HoldersOf(Term term) => _part?.HoldersOf(term) ?? IndexReader.DocFreq(term);

    public override TermStatistics TermStatistics(Term term, TermContext context) =>
        _part is null ? base.TermStatistics(term, context) : new(term.Bytes, _part.HoldersOf(term), -1);

    public override CollectionStatistics CollectionStatistics(string field)
    {
        var real = base.CollectionStatistics(field);
        if (_part is not null && real.MaxDoc > 0)
            real = new(field, _part.Count, Share(real.DocCount, real.MaxDoc), Share(real.SumTotalTermFreq, real.MaxDoc), Share(real.SumDocFreq, real.MaxDoc));
        if (real.MaxDoc >= MinChunks || real.MaxDoc == 0) return real;
        // Lengths are scaled along, so that the average length stays what it is.
        double scale = (double)MinChunks / real.MaxDoc;
        return new(field, MinChunks, (long)(real.DocCount * scale), (long)(real.SumTotalTermFreq * scale), (long)(real.SumDocFreq * scale));

        long Share(long sum, long of) => (long)((double)sum / of * _part.Count);
    }
}
