using System.Buffers;
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

/// <summary>A decision beyond the process, in <see cref="BinaryWriter"/>'s terms: strength, then units, terms and scores, each list with its length before it.</summary>
internal sealed class DecisionFormat : IHybridCacheSerializer<Decision>
{
    public void Serialize(Decision value, IBufferWriter<byte> target)
    {
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(value.Selection.Strength);
            writer.Write7BitEncodedInt(value.Selection.Units.Count);
            foreach (var unit in value.Selection.Units)
            {
                writer.Write7BitEncodedInt(unit.Evidence);
                writer.Write7BitEncodedInt(unit.Unit);
            }
            writer.Write7BitEncodedInt(value.Terms.Count);
            foreach (var term in value.Terms)
            {
                writer.Write(term.Text);
                writer.Write(term.Idf);
            }
            writer.Write7BitEncodedInt(value.Scores.Count);
            foreach (var (score, coverage, cosine) in value.Scores)
            {
                writer.Write(score);
                writer.Write(coverage);
                writer.Write(cosine);
            }
        }
        target.Write(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    public Decision Deserialize(ReadOnlySequence<byte> source)
    {
        using var reader = new BinaryReader(new MemoryStream(source.ToArray()), Encoding.UTF8);
        try
        {
            double strength = reader.ReadDouble();
            var units = List(reader, static r => new UnitChoice(Index(r), Index(r)));
            var terms = List(reader, static r => new RecordedTerm(r.ReadString(), r.ReadSingle()));
            var scores = List(reader, static r => (r.ReadSingle(), r.ReadSingle(), r.ReadSingle()));
            // A unit points into the evidence, of which there is one score each.
            if (reader.BaseStream.Position != reader.BaseStream.Length || units.Exists(u => u.Evidence >= scores.Count)) throw new CacheValueException("This is no decision.");
            return new(new(units, strength), terms, scores);
        }
        catch (Exception e) when (e is IOException or FormatException or ArgumentException or OverflowException)
        {
            throw new CacheValueException("This is no decision.", e);
        }
    }

    private static int Index(BinaryReader reader) => reader.Read7BitEncodedInt() is var i and >= 0 ? i : throw new CacheValueException("An index is negative.");

    private static List<T> List<T>(BinaryReader reader, Func<BinaryReader, T> read)
    {
        int count = Index(reader);
        // Each takes a byte at least: a length that the rest cannot hold is none.
        if (count > reader.BaseStream.Length - reader.BaseStream.Position) throw new CacheValueException("A list is longer than what is there.");
        var list = new List<T>(count);
        for (int i = 0; i < count; i++) list.Add(read(reader));
        return list;
    }
}
