using System.Collections.Concurrent;
using Lucene.Net.Analysis;
using Lucene.Net.Index;
using Lucene.Net.Search;
using Lucene.Net.Util;
using Rag.Access;

namespace Rag.Indexing;

/// <summary>
/// A collection's index at one moment: full text, vectors, and the position of the change log that they reflect.
/// Taken with <see cref="CollectionIndex.Acquire"/>, given back with <see cref="Dispose"/>; never changes meanwhile.
/// </summary>
internal sealed class IndexSnapshot : IDisposable
{
    /// <summary>Scopes whose chunks are remembered, a bit for each chunk; past it they are found each time.</summary>
    private const int MaxScopes = 64;

    private readonly ConcurrentDictionary<string, Lazy<ReadableChunks>> _scopes = new(StringComparer.Ordinal);
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
        // Terms come in order, and everybody's is the first.
        var allowed = MultiFields.GetTerms(reader, IndexFields.Allowed)?.GetEnumerator();
        while (allowed?.MoveNext() == true && !Limited) Limited = allowed.Term.Utf8ToString() != AllowedTerms.Everybody;
        var text = Searcher.CollectionStatistics(IndexFields.Text);
        State = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{position}/{reader.MaxDoc}/{reader.NumDocs}/{text.SumTotalTermFreq}/{text.SumDocFreq}");
    }

    public DirectoryReader Reader { get; }

    public ChunkSearcher Searcher { get; }

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

    /// <summary>Some document is not for everybody, or was not until it went, and is not merged away yet.</summary>
    public bool Limited { get; }

    /// <summary><see cref="State"/> for a scope: where nothing is limited all scopes see the same, and share what is kept of it.</summary>
    public string StateOf(ReadScope scope) => Limited && scope.Groups is not null ? $"{State}/{scope.Key}" : State;

    /// <summary>What the scope shows; null where that is everything.</summary>
    public ReadableChunks? ReadableBy(ReadScope scope)
    {
        if (!Limited || AllowedTerms.Of(scope) is not { } terms) return null;
        if (_scopes.TryGetValue(scope.Key, out var known)) return known.Value;
        if (_scopes.Count >= MaxScopes) return new(Reader, terms);
        return _scopes.GetOrAdd(scope.Key, _ => new(() => new(Reader, terms))).Value;
    }

    /// <summary>Whether every one of the documents is in here and shown to the scope.</summary>
    public bool Shows(IEnumerable<string> documents, ReadScope scope)
    {
        var readable = ReadableBy(scope);
        var live = MultiFields.GetLiveDocs(Reader);
        foreach (string id in documents)
        {
            // All chunks of a document are put together, with the same terms.
            var docs = MultiFields.GetTermDocsEnum(Reader, live, IndexFields.Document, new BytesRef(id), DocsFlags.NONE);
            int doc = docs?.NextDoc() ?? DocIdSetIterator.NO_MORE_DOCS;
            if (doc == DocIdSetIterator.NO_MORE_DOCS || readable?.Docs.Get(doc) == false) return false;
        }
        return true;
    }

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
