using Lucene.Net.Documents;
using Lucene.Net.Index;
using Lucene.Net.Search.Similarities;

namespace Rag.Indexing;

/// <summary>The fields of the full-text index; one Lucene document is one chunk.</summary>
internal static class IndexFields
{
    /// <summary>Title, heading path and body, analysed; frequencies and length norms, no positions.</summary>
    public const string Text = "text";

    /// <summary>Document id, as one term: what a change removes.</summary>
    public const string Document = "document";

    /// <summary>Facts to filter by, as <c>key=value</c> terms.</summary>
    public const string Fact = "fact";

    /// <summary>Who is shown the chunk (<see cref="AllowedTerms"/>): never what a document says of itself.</summary>
    public const string Allowed = "allowed";

    /// <summary>The chunk itself (<see cref="IndexedChunk.ToBytes"/>).</summary>
    public const string Stored = "chunk";

    /// <summary>Vector row + 1; 0 where the chunk has no vector.</summary>
    public const string Row = "row";

    /// <summary>Number of the document version in the record: tells which chunks belong together.</summary>
    public const string VersionNo = "version";

    /// <summary>Place of the chunk in its document: breaks ties the same way on every replica.</summary>
    public const string Ordinal = "ordinal";

    public static readonly ISet<string> StoredOnly = new HashSet<string> { Stored };

    /// <summary>BM25 with the parameters of Anserini's baselines.</summary>
    public const float K1 = 0.9f, B = 0.4f;

    public static readonly BM25Similarity Similarity = new(K1, B);

    public static readonly FieldType TextType = Freeze(new FieldType(TextField.TYPE_NOT_STORED) { IndexOptions = IndexOptions.DOCS_AND_FREQS });

    private static FieldType Freeze(FieldType type)
    {
        type.Freeze();
        return type;
    }
}
