using Lucene.Net.Index;
using Lucene.Net.Search;

namespace Rag.Indexing;

/// <summary>
/// Full-text search with statistics that make sense for small collections too: one of fewer than
/// <see cref="MinChunks"/> chunks counts as a sample of that many. In a collection of three, every word that is
/// there would otherwise weigh next to nothing, and one that is not would decide.
/// </summary>
internal sealed class ChunkSearcher : IndexSearcher
{
    public const int MinChunks = 1_000;

    public ChunkSearcher(IndexReader reader) : base(reader) => Similarity = IndexFields.Similarity;

    public override CollectionStatistics CollectionStatistics(string field)
    {
        var real = base.CollectionStatistics(field);
        if (real.MaxDoc >= MinChunks || real.MaxDoc == 0) return real;
        // Lengths are scaled along, so that the average length stays what it is.
        double scale = (double)MinChunks / real.MaxDoc;
        return new(field, MinChunks, (long)(real.DocCount * scale), (long)(real.SumTotalTermFreq * scale), (long)(real.SumDocFreq * scale));
    }
}
