using System.Text;
using Rag.Ingestion;

namespace Rag.Indexing;

/// <summary>
/// A chunk with all that an answer needs of it, as the index keeps it: questions are answered without the record.
/// Offsets are into the document version's extracted text; <see cref="Text"/> is exactly that stretch.
/// </summary>
internal sealed record IndexedChunk(
    string DocumentId, long Version, long VersionNo, int Ordinal, string Title, string Uri, string MediaType,
    int Start, int End, int? Page, string HeadingPath, string Context, string Hash, byte[] UnitBytes, string Text)
{
    private IReadOnlyList<UnitSpan>? _units;

    public IReadOnlyList<UnitSpan> Units => _units ??= UnitCodec.Decode(UnitBytes, Start);

    public string SearchText => Chunk.SearchText(Title, HeadingPath, Context, Text);

    public string TextOf(UnitSpan unit) => Text[(unit.Start - Start)..(unit.End - Start)];

    public byte[] ToBytes()
    {
        using var stream = new MemoryStream(Text.Length + 256);
        using (var writer = new BinaryWriter(stream, Encoding.UTF8))
        {
            writer.Write(DocumentId);
            writer.Write7BitEncodedInt64(Version);
            writer.Write7BitEncodedInt64(VersionNo);
            writer.Write7BitEncodedInt(Ordinal);
            writer.Write(Title);
            writer.Write(Uri);
            writer.Write(MediaType);
            writer.Write7BitEncodedInt(Start);
            writer.Write7BitEncodedInt(End);
            writer.Write7BitEncodedInt(Page ?? 0);
            writer.Write(HeadingPath);
            writer.Write(Context);
            writer.Write(Convert.FromHexString(Hash));
            writer.Write7BitEncodedInt(UnitBytes.Length);
            writer.Write(UnitBytes);
            writer.Write(Text);
        }
        return stream.ToArray();
    }

    public static IndexedChunk FromBytes(byte[] bytes, int offset, int count)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes, offset, count), Encoding.UTF8);
        return new(
            reader.ReadString(), reader.Read7BitEncodedInt64(), reader.Read7BitEncodedInt64(), reader.Read7BitEncodedInt(),
            reader.ReadString(), reader.ReadString(), reader.ReadString(),
            reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt() is var page and > 0 ? page : null,
            reader.ReadString(), reader.ReadString(), Convert.ToHexStringLower(reader.ReadBytes(32)),
            reader.ReadBytes(reader.Read7BitEncodedInt()), reader.ReadString());
    }
}

/// <summary>A document as the indexer hands it to the index: its chunks, each with its vector row where there is one.</summary>
/// <param name="Allowed">Who is shown it: <see cref="AllowedTerms"/>.</param>
internal sealed record IndexDocument(
    string DocumentId, IReadOnlyDictionary<string, string> Metadata, IReadOnlyList<string> Allowed, IReadOnlyList<(IndexedChunk Chunk, byte[]? Vector)> Chunks);
