using System.ComponentModel;
using Rag.Caching;
using Rag.Inference;

namespace Rag.Retrieval;

/// <summary>The vectors of questions, kept: a question that is asked again is not embedded again.</summary>
internal sealed class QueryEmbeddings(Embedder embedder, LayeredCache cache)
{
    [ImmutableObject(true)]
    private sealed record CachedVector(float[] Values);

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
