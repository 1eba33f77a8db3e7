using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Caching.Hybrid;
using Rag.Caching;

namespace Rag.Answering;

/// <summary>
/// An answer beyond the process: one byte that says whether its first asker had it from the evidence layer (1) or
/// not (0), then the JSON that every later asker gets, byte for byte.
/// </summary>
internal sealed class RenderedAnswerFormat : IHybridCacheSerializer<RenderedAnswer>
{
    public void Serialize(RenderedAnswer value, IBufferWriter<byte> target)
    {
        target.Write([value.Answer.Cached ? (byte)1 : (byte)0]);
        target.Write(value.CachedJson.Span);
    }

    public RenderedAnswer Deserialize(ReadOnlySequence<byte> source)
    {
        byte[] bytes = source.ToArray();
        if (bytes.Length < 2 || bytes[0] > 1) throw new CacheValueException("This is no answer.");
        try
        {
            var json = bytes.AsMemory(1);
            var cached = JsonSerializer.Deserialize(json.Span, AnsweringJson.Default.Answer);
            if (cached is not { Id: not null, Question: not null, Collection: not null, Outcome: not null, Text: not null, Answerer: not null, Sentences: { } sentences, Sources: { } sources, LookedAt: { } lookedAt }
                || sentences.Contains(null!) || sources.Contains(null!) || lookedAt.Contains(null!))
                throw new CacheValueException("Parts of the answer are missing.");
            bool evidence = bytes[0] == 1;
            return new(cached with { Cached = evidence, CacheLayer = evidence ? CacheLayer.Evidence : null }, json);
        }
        catch (JsonException e)
        {
            throw new CacheValueException("This is no answer.", e);
        }
    }
}

/// <summary>A reading beyond the process: per chunk the number of its units, for each unit two times 16 bytes, big-endian; before it the number of chunks.</summary>
internal sealed class EvidenceReadingFormat : IHybridCacheSerializer<EvidenceReading>
{
    private const int WordsBytes = 16;

    public void Serialize(EvidenceReading value, IBufferWriter<byte> target)
    {
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true))
        {
            Span<byte> bytes = stackalloc byte[2 * WordsBytes];
            writer.Write7BitEncodedInt(value.Chunks.Count);
            foreach (var units in value.Chunks)
            {
                writer.Write7BitEncodedInt(units.Count);
                foreach (var unit in units)
                {
                    BinaryPrimitives.WriteUInt128BigEndian(bytes, unit.Own);
                    BinaryPrimitives.WriteUInt128BigEndian(bytes[WordsBytes..], unit.Beside);
                    writer.Write(bytes);
                }
            }
        }
        target.Write(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    public EvidenceReading Deserialize(ReadOnlySequence<byte> source)
    {
        using var reader = new BinaryReader(new MemoryStream(source.ToArray()), Encoding.UTF8);
        try
        {
            var chunks = List<IReadOnlyList<UnitWords>>(reader, 1, static r => List(r, 2 * WordsBytes, static u => new UnitWords(Words(u), Words(u))));
            return reader.BaseStream.Position == reader.BaseStream.Length ? new(chunks) : throw new CacheValueException("This is no reading.");
        }
        catch (Exception e) when (e is IOException or FormatException or ArgumentException or OverflowException)
        {
            throw new CacheValueException("This is no reading.", e);
        }
    }

    private static UInt128 Words(BinaryReader reader) => BinaryPrimitives.ReadUInt128BigEndian(reader.ReadBytes(WordsBytes));

    private static List<T> List<T>(BinaryReader reader, int itemBytes, Func<BinaryReader, T> read)
    {
        int count = reader.Read7BitEncodedInt();
        // A length that the rest cannot hold is none.
        if (count < 0 || count > (reader.BaseStream.Length - reader.BaseStream.Position) / itemBytes) throw new CacheValueException("A list is longer than what is there.");
        var list = new List<T>(count);
        for (int i = 0; i < count; i++) list.Add(read(reader));
        return list;
    }
}
