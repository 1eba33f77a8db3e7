using Lucene.Net.Analysis;
using Lucene.Net.Index;
using Lucene.Net.Search;
using Lucene.Net.Util;

namespace Rag.Indexing;

/// <summary>
/// A collection's index at one moment: full text, vectors, and the position of the change log that they reflect.
/// Taken with <see cref="CollectionIndex.Acquire"/>, given back with <see cref="Dispose"/>; never changes meanwhile.
/// </summary>
internal sealed class IndexSnapshot : IDisposable
{
    private int _references = 1;

    public IndexSnapshot(DirectoryReader reader, VectorRows rows, Analyzer analyzer, string collectionId, long position)
    {
        Reader = reader;
        Rows = rows;
        Analyzer = analyzer;
        CollectionId = collectionId;
        Position = position;
        Searcher = new ChunkSearcher(reader);
        (RowToDoc, EmbeddedCount) = MapRows(reader, rows.Count);
        var text = Searcher.CollectionStatistics(IndexFields.Text);
        State = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{position}/{reader.MaxDoc}/{reader.NumDocs}/{text.SumTotalTermFreq}/{text.SumDocFreq}");
    }

    public DirectoryReader Reader { get; }

    public IndexSearcher Searcher { get; }

    public VectorRows Rows { get; }

    public Analyzer Analyzer { get; }

    public string CollectionId { get; }

    /// <summary>Change-log position of the last change to this collection that is in here.</summary>
    public long Position { get; }

    /// <summary>
    /// Position and full-text statistics. These count replaced chunks until they are merged away, which another replica does at
    /// another time: at one position two replicas may weigh a word differently.
    /// </summary>
    public string State { get; }

    public int ChunkCount => Reader.NumDocs;

    public int EmbeddedCount { get; }

    /// <summary>For each vector row the full-text document that it belongs to; -1 where the row is dead.</summary>
    public int[] RowToDoc { get; }

    public IndexedChunk Load(int doc)
    {
        var bytes = Searcher.Doc(doc, IndexFields.StoredOnly).GetBinaryValue(IndexFields.Stored);
        return IndexedChunk.FromBytes(bytes.Bytes, bytes.Offset, bytes.Length);
    }

    /// <summary>A chunk by its place in the record; null where it is not in here.</summary>
    public IndexedChunk? Find(string documentId, long versionNo, int ordinal)
    {
        var versions = MultiDocValues.GetNumericValues(Reader, IndexFields.VersionNo);
        var ordinals = MultiDocValues.GetNumericValues(Reader, IndexFields.Ordinal);
        var docs = MultiFields.GetTermDocsEnum(Reader, MultiFields.GetLiveDocs(Reader), IndexFields.Document, new BytesRef(documentId));
        while (docs is not null && docs.NextDoc() != DocIdSetIterator.NO_MORE_DOCS)
            if (versions.Get(docs.DocID) == versionNo && ordinals.Get(docs.DocID) == ordinal) return Load(docs.DocID);
        return null;
    }

    public bool TryAcquire()
    {
        while (true)
        {
            int seen = Volatile.Read(ref _references);
            if (seen == 0) return false;
            if (Interlocked.CompareExchange(ref _references, seen + 1, seen) == seen) return true;
        }
    }

    public void Dispose()
    {
        if (Interlocked.Decrement(ref _references) > 0) return;
        Reader.Dispose();
        Rows.Dispose();
    }

    private static (int[] Map, int Live) MapRows(DirectoryReader reader, int rows)
    {
        var map = new int[rows];
        Array.Fill(map, -1);
        int live = 0;
        foreach (var leaf in reader.Leaves)
        {
            var values = leaf.AtomicReader.GetNumericDocValues(IndexFields.Row);
            if (values is null) continue;
            var liveDocs = leaf.AtomicReader.LiveDocs;
            for (int doc = 0; doc < leaf.AtomicReader.MaxDoc; doc++)
            {
                if (liveDocs is not null && !liveDocs.Get(doc)) continue;
                int row = (int)values.Get(doc) - 1;
                if (row < 0 || row >= rows) continue;
                map[row] = leaf.DocBase + doc;
                live++;
            }
        }
        return (map, live);
    }
}
