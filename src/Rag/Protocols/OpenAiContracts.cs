using System.Text.Json;
using System.Text.Json.Serialization;
using Rag.Answering;

namespace Rag.Protocols;

/// <summary>What is read of a chat request; everything else that OpenAI's interface knows is accepted and has no effect.</summary>
/// <param name="Model">Name of the collection to answer from.</param>
/// <param name="N">How many answers; only 1 is given.</param>
/// <param name="MaxTokens">No sentence is begun that goes beyond so many tokens; the first is always given.</param>
internal sealed record ChatRequest(
    string? Model, IReadOnlyList<ChatMessage>? Messages, bool? Stream, ChatStreamOptions? StreamOptions, int? N, int? MaxTokens, int? MaxCompletionTokens, ChatResponseFormat? ResponseFormat, JsonElement? ToolChoice);

/// <param name="Content">A string, or parts of which each is a text.</param>
internal sealed record ChatMessage(string? Role, JsonElement? Content);

internal sealed record ChatStreamOptions(bool? IncludeUsage);

internal sealed record ChatResponseFormat(string? Type);

internal sealed record ChatCompletion(string Id, string Object, long Created, string Model, IReadOnlyList<ChatChoice> Choices, ChatUsage Usage, string SystemFingerprint, ChatAnswer Rag);

internal sealed record ChatChoice(int Index, ChatReply Message, string FinishReason)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public object? Logprobs => null;
}

internal sealed record ChatReply(string Role, string Content, IReadOnlyList<ChatAnnotation> Annotations)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Refusal => null;
}

internal sealed record ChatAnnotation(string Type, UrlCitation UrlCitation);

/// <summary>Where a stretch of the content comes from; <c>start_index</c> and <c>end_index</c> count UTF-16 code units of the content, end exclusive.</summary>
/// <param name="Url">The document's own address where it has one on the web, or its page on this server with the span marked.</param>
/// <param name="Source">The exact span, as <c>/v1/ask</c> gives it.</param>
internal sealed record UrlCitation(int StartIndex, int EndIndex, string Url, string Title, AnswerSource Source);

/// <summary>What the interface has no place for.</summary>
internal sealed record ChatAnswer(string Id, string Outcome, bool Cached, bool Degraded, string? DegradedReason, long IndexPosition, AnswerGeneration? Generation);

internal sealed record ChatUsage(int PromptTokens, int CompletionTokens, int TotalTokens);

/// <param name="Choices">Empty in the part that holds the usage.</param>
internal sealed record ChatChunk(string Id, string Object, long Created, string Model, IReadOnlyList<ChatChunkChoice> Choices, ChatUsage? Usage = null, ChatAnswer? Rag = null);

internal sealed record ChatChunkChoice(int Index, ChatDelta Delta)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? FinishReason { get; init; }
}

internal sealed record ChatDelta(string? Role = null, string? Content = null, IReadOnlyList<ChatAnnotation>? Annotations = null);

internal sealed record ModelList(string Object, IReadOnlyList<ModelView> Data);

internal sealed record ModelView(string Id, string Object, long Created, string OwnedBy);

/// <param name="Input">A string or an array of strings.</param>
/// <param name="EncodingFormat"><c>float</c> (default) or <c>base64</c>: little-endian 32-bit numbers.</param>
/// <param name="Dimensions">Length of the vectors; only the model's own.</param>
internal sealed record EmbeddingRequest(string? Model, JsonElement? Input, string? EncodingFormat, int? Dimensions);

internal sealed record EmbeddingResponse(string Object, IReadOnlyList<EmbeddingView> Data, string Model, EmbeddingUsage Usage);

/// <param name="Embedding">An array of numbers, or a base64 string.</param>
internal sealed record EmbeddingView(string Object, int Index, JsonElement Embedding);

internal sealed record EmbeddingUsage(int PromptTokens, int TotalTokens);

internal sealed record OpenAiErrorBody(OpenAiError Error);

internal sealed record OpenAiError(string Message, string Type)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Param { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Code { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ChatRequest))]
[JsonSerializable(typeof(ChatCompletion))]
[JsonSerializable(typeof(ChatChunk))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ModelView))]
[JsonSerializable(typeof(EmbeddingRequest))]
[JsonSerializable(typeof(EmbeddingResponse))]
[JsonSerializable(typeof(float[]))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(OpenAiErrorBody))]
internal sealed partial class OpenAiJson : JsonSerializerContext;
