using System.Buffers;
using System.ComponentModel;
using System.Text.Json;
using Microsoft.Extensions.Caching.Hybrid;
using Rag.Caching;
using Rag.Inference.Generation;

namespace Rag.Answering.Generation;

/// <summary>What came of asking a model, before it is an answer: sentences over the evidence that it was shown, in that evidence's order.</summary>
/// <param name="Mode">What made the sentences: <c>select</c>, <c>compose</c>, or <c>extractive</c> where nothing of the model's is in them.</param>
/// <param name="Fence">The number that this call's data stood between; with it the prompt can be made again.</param>
/// <param name="Withheld">Sentences of the model's that their sources do not say.</param>
/// <param name="Replaced">Those of them in whose place a quotation stands.</param>
/// <param name="Dropped">Numbers of the model's that were not shown, were said before, or were too many.</param>
/// <param name="Degraded">Why this is less than the model was asked for; null where it is all.</param>
[ImmutableObject(true)]
internal sealed record ModelAnswer(
    string Mode, IReadOnlyList<DraftSentence> Sentences, string Fence, string PromptSha256, int ContextTokens, int MaxOutputTokens, int Chunks, int Withheld, int Replaced, int Dropped, string? Degraded)
{
    public string Answerer => Mode switch
    {
        GenerationOptions.Select => Prompts.SelectVersion,
        GenerationOptions.Compose => Prompts.ComposeVersion,
        _ => ExtractiveAnswerer.Version,
    };
}

/// <summary>A model's answer beyond the process, as JSON.</summary>
internal sealed class ModelAnswerFormat : IHybridCacheSerializer<ModelAnswer>
{
    public void Serialize(ModelAnswer value, IBufferWriter<byte> target) => target.Write(JsonSerializer.SerializeToUtf8Bytes(value, AnsweringJson.Default.ModelAnswer));

    public ModelAnswer Deserialize(ReadOnlySequence<byte> source)
    {
        try
        {
            var value = JsonSerializer.Deserialize(source.ToArray(), AnsweringJson.Default.ModelAnswer);
            if (value is not { Mode: not null, Fence: not null, PromptSha256: not null, Sentences: { } sentences } || sentences.Any(s => s?.Units is not { Count: > 0 }))
                throw new CacheValueException("Parts of the model's answer are missing.");
            return value;
        }
        catch (JsonException e)
        {
            throw new CacheValueException("This is no model's answer.", e);
        }
    }
}
