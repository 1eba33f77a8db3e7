using System.Buffers;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Caching.Hybrid;
using Rag.Caching;
using Rag.Inference;

namespace Rag.Retrieval;

/// <summary>The vectors of questions, kept: a question that is asked again is not embedded again.</summary>
internal sealed class QueryEmbeddings(Embedder embedder, LayeredCache cache)
{
    public async Task<float[]> GetAsync(string question, CancellationToken ct)
    {
        string key = LayeredCache.Key(embedder.ModelId ?? "", question);
        var (vector, _) = await cache.GetAsync(
            CacheLayer.Embedding, key, (embedder, question),
            static async (s, token) => new CachedVector(await s.embedder.EmbedQueryAsync(s.question, token)),
            keep: null, owners: null, ct);
        return vector.Values;
    }
}

[ImmutableObject(true)]
internal sealed record CachedVector(float[] Values);

/// <summary>A vector beyond the process: its numbers as 32-bit floating point, little-endian, nothing else.</summary>
internal sealed class CachedVectorFormat : IHybridCacheSerializer<CachedVector>
{
    public void Serialize(CachedVector value, IBufferWriter<byte> target) => target.Write(MemoryMarshal.AsBytes(value.Values.AsSpan()));

    public CachedVector Deserialize(ReadOnlySequence<byte> source)
    {
        if (source.Length == 0 || source.Length % sizeof(float) != 0) throw new CacheValueException($"{source.Length} bytes are no vector.");
        float[] values = new float[source.Length / sizeof(float)];
        source.CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
        return new(values);
    }
}
