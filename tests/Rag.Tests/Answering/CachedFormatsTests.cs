using System.Buffers;
using System.Text.Json;
using CsCheck;
using Microsoft.Extensions.Caching.Hybrid;
using Rag.Answering;
using Rag.Caching;
using Rag.Retrieval;

namespace Rag.Tests.Answering;

public sealed class CachedFormatsTests
{
    private static readonly Gen<string> Text = Gen.String[Gen.Char['\u0020', '\ud7ff'], 0, 40];
    private static readonly Gen<int?> Page = Gen.Int[0, 500].Select(p => p == 0 ? (int?)null : p);

    private static readonly Gen<AnswerSource> Source = Gen.Select(Text, Text, Gen.Long[1, 99], Gen.Int[0, 9_999], Page)
        .Select((quote, title, version, start, page) => new AnswerSource(1, "d", title, version, "u", 3, start, start + quote.Length, quote, "ab", title, page));

    private static readonly Gen<LookedAt> Looked = Gen.Select(Text, Page, Gen.Double[-1, 2]).Select((t, page, score) => new LookedAt("d", t, 1, "u", 0, t, page, 0, 5, score));

    private static readonly Gen<Answer> Answers = Gen.Select(Text, Source.Array[0, 4], Looked.Array[0, 4], Gen.Double[0, 2], Gen.Bool, Gen.Long[0, 1_000_000]).Select((text, sources, looked, strength, evidence, position) =>
        new Answer("id", text, "default", Answer.Answered, text, sources.Select(s => new AnswerSentence(s.Quote, "sentence", s.Number)).ToList(), sources, looked,
            strength, "x/1", position, evidence, evidence ? CacheLayer.Evidence : null, false, null));

    [Fact]
    public void An_answer_comes_back_as_it_went() => Answers.Sample(answer =>
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(answer with { Cached = true, CacheLayer = CacheLayer.Question }, AnsweringJson.Default.Answer);
        var back = There<RenderedAnswer>(new RenderedAnswerFormat(), new(answer, json));
        back.CachedJson.Span.SequenceEqual(json).ShouldBeTrue();
        JsonSerializer.Serialize(back.Answer, AnsweringJson.Default.Answer).ShouldBe(JsonSerializer.Serialize(answer, AnsweringJson.Default.Answer));
    });

    [Fact]
    public void A_reading_comes_back_as_it_went() => Gen.Select(Gen.ULong, Gen.ULong, Gen.ULong, Gen.ULong).Array[0, 40].Array[0, 5].Sample(chunks =>
    {
        var reading = new EvidenceReading([.. chunks.Select(c => (IReadOnlyList<UnitWords>)[.. c.Select(u => new UnitWords(new(u.Item1, u.Item2), new(u.Item3, u.Item4)))])]);
        var back = There(new EvidenceReadingFormat(), reading);
        back.Chunks.Count.ShouldBe(reading.Chunks.Count);
        for (int i = 0; i < chunks.Length; i++) back.Chunks[i].ShouldBe(reading.Chunks[i]);
    });

    [Fact]
    public void A_vector_comes_back_bit_by_bit() => Gen.Single.Array[1, 500].Sample(values =>
        There(new CachedVectorFormat(), new CachedVector(values)).Values.Select(BitConverter.SingleToInt32Bits).SequenceEqual(values.Select(BitConverter.SingleToInt32Bits)));

    [Fact]
    public void Any_bytes_are_a_value_or_refused_as_none() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        Refuses(new RenderedAnswerFormat(), bytes);
        Refuses(new EvidenceReadingFormat(), bytes);
        Refuses(new CachedVectorFormat(), bytes);
    }, iter: 20_000);

    [Fact]
    public void An_answer_with_parts_missing_is_refused()
    {
        Should.Throw<CacheValueException>(() => new RenderedAnswerFormat().Deserialize(new([0, .. "{}"u8])));
        Should.Throw<CacheValueException>(() => new RenderedAnswerFormat().Deserialize(new([0, .. "null"u8])));
        Should.Throw<CacheValueException>(() => new RenderedAnswerFormat().Deserialize(new([1, .. """{"id":"a","sentences":[null]}"""u8])));
    }

    [Fact]
    public void A_stored_value_opens_under_its_own_key_only() => Gen.Select(Gen.Byte.Array[0, 100], Gen.String, Gen.String, Gen.Int[0, 119]).Sample((payload, key, other, at) =>
    {
        byte[] sealedBytes = StoredValue.Seal(key, new(payload));
        StoredValue.TryOpen(key, sealedBytes, out var opened).ShouldBeTrue();
        opened.Span.SequenceEqual(payload).ShouldBeTrue();
        if (System.Text.Encoding.UTF8.GetBytes(key).AsSpan().SequenceEqual(System.Text.Encoding.UTF8.GetBytes(other)) is false) StoredValue.TryOpen(other, sealedBytes, out _).ShouldBeFalse();
        sealedBytes[at % sealedBytes.Length] ^= 1;
        StoredValue.TryOpen(key, sealedBytes, out _).ShouldBeFalse();
    });

    private static T There<T>(IHybridCacheSerializer<T> format, T value)
    {
        var buffer = new ArrayBufferWriter<byte>();
        format.Serialize(value, buffer);
        return format.Deserialize(new(buffer.WrittenMemory));
    }

    private static void Refuses<T>(IHybridCacheSerializer<T> format, byte[] bytes)
    {
        try
        {
            format.Deserialize(new(bytes));
        }
        catch (CacheValueException)
        {
        }
    }
}
