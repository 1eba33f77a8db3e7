using Lucene.Net.Analysis.En;
using Lucene.Net.Documents;
using Lucene.Net.Index;
using Lucene.Net.Search;
using Lucene.Net.Search.Similarities;
using Lucene.Net.Store;
using Lucene.Net.Util;
using Rag.Indexing;
using Directory = System.IO.Directory;

namespace Rag.Bench;

/// <summary>Lucene.NET with nothing around it: the product's analyzer and similarity, one field, one commit at the end.</summary>
internal sealed class BareLucene : IDisposable
{
    private const string Field = "text", Id = "id";

    private readonly string _path = Directory.CreateTempSubdirectory("rag-bare-").FullName;
    private readonly MMapDirectory _directory;
    private readonly EnglishAnalyzer _analyzer = new(LuceneVersion.LUCENE_48);
    private readonly IndexWriter _writer;
    private DirectoryReader? _reader;
    private IndexSearcher? _searcher;

    public BareLucene()
    {
        _directory = new(_path);
        _writer = new(_directory, new(LuceneVersion.LUCENE_48, _analyzer) { Similarity = new BM25Similarity(IndexFields.K1, IndexFields.B), RAMBufferSizeMB = 64 });
    }

    /// <param name="id">By which a hit is found where its text is kept.</param>
    public void Add(string id, string text) => _writer.AddDocument([new StringField(Id, id, Lucene.Net.Documents.Field.Store.YES), new Lucene.Net.Documents.Field(Field, text, IndexFields.TextType)]);

    /// <summary>Makes what was added durable and found.</summary>
    public void Commit()
    {
        _writer.Commit();
        _reader?.Dispose();
        _reader = DirectoryReader.Open(_directory);
        _searcher = new(_reader) { Similarity = new BM25Similarity(IndexFields.K1, IndexFields.B) };
    }

    public TopDocs Search(string question, int count)
    {
        var query = new BooleanQuery(disableCoord: true);
        foreach (string term in Analyzers.Terms(_analyzer, question).Distinct()) query.Add(new TermQuery(new Term(Field, term)), Occur.SHOULD);
        return _searcher!.Search(query, count);
    }

    public void Dispose()
    {
        _reader?.Dispose();
        _writer.Dispose();
        _directory.Dispose();
        _analyzer.Dispose();
        Directory.Delete(_path, recursive: true);
    }
}
