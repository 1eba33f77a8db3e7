using System.Text.Json;
using System.Text.Json.Serialization;

namespace Rag.Answering;

/// <summary>A sentence, list item, table row or code block of an answer: verbatim, with the number of its source, from 1.</summary>
public sealed record AnswerSentence(string Text, string Kind, int Source);

/// <summary>
/// Where a sentence stands: <c>quote</c> is the stretch from <c>start</c> to <c>end</c> of that version's extracted
/// text, in UTF-16 code units, end exclusive; <c>sha256</c> is of the quote's UTF-8 bytes, in hexadecimal.
/// </summary>
public sealed record AnswerSource(
    int Number, string Document, string Title, long Version, string Uri, int Chunk, int Start, int End, string Quote, string Sha256,
    string HeadingPath, int? Page);

/// <summary>A passage that was read to find the answer, and how well it fitted.</summary>
public sealed record LookedAt(string Document, string Title, long Version, string Uri, int Chunk, string HeadingPath, int? Page, int Start, int End, double Score);

/// <summary>An answer with its sources, or the statement that the documents do not answer the question.</summary>
/// <param name="Outcome"><c>answered</c> or <c>abstained</c>.</param>
/// <param name="Strength">How well the best sentence fits the question; abstained answers lie below the threshold.</param>
/// <param name="IndexPosition">Change-log position that the answer reflects.</param>
/// <param name="Cached">True when nothing was computed for this answer.</param>
/// <param name="CacheLayer"><c>question</c> or <c>evidence</c> where the cache helped.</param>
/// <param name="Degraded">Why less was done than could be; absent where all was.</param>
public sealed record Answer(
    string Id, string Question, string Collection, string Outcome, [property: JsonPropertyName("answer")] string Text,
    IReadOnlyList<AnswerSentence> Sentences, IReadOnlyList<AnswerSource> Sources, IReadOnlyList<LookedAt> LookedAt,
    double Strength, string Answerer, long IndexPosition, bool Cached, string? CacheLayer, bool Degraded, string? DegradedReason)
{
    public const string Answered = "answered", Abstained = "abstained";

    public const string AbstainedText = "The documents do not answer this question.";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Answer))]
[JsonSerializable(typeof(AnswerSentence))]
[JsonSerializable(typeof(AskRequest))]
[JsonSerializable(typeof(ReplayResult))]
[JsonSerializable(typeof(AnswerRecord))]
[JsonSerializable(typeof(FeedbackRequest))]
internal sealed partial class AnsweringJson : JsonSerializerContext;

/// <summary>A question as it comes in.</summary>
/// <param name="Collection">Where to look; <c>default</c> when absent.</param>
/// <param name="Stream">Answer as server-sent events: one <c>sentence</c> each, then the whole <c>answer</c>.</param>
public sealed record AskRequest(string? Question, string? Collection = null, bool Stream = false, AskOptions? Options = null);

/// <param name="Mode"><c>hybrid</c> (default), <c>lexical</c> or <c>dense</c>.</param>
/// <param name="Filter">Facts that the documents must have, such as <c>media_type</c>.</param>
/// <param name="WaitFor">Change-log position to wait for before answering: what a write returned.</param>
/// <param name="NoCache">Compute the answer even where it is known.</param>
public sealed record AskOptions(string? Mode = null, Dictionary<string, string>? Filter = null, long? WaitFor = null, bool NoCache = false);

/// <param name="Rating">1 helpful, -1 not.</param>
public sealed record FeedbackRequest(int Rating, string? Comment = null);

/// <summary>What replaying gave. <paramref name="Same"/>: the same evidence led to the same sentences.</summary>
/// <param name="Difference">What differs, in words; absent where nothing does.</param>
public sealed record ReplayResult(string Id, bool Same, string? Difference, IReadOnlyList<AnswerSource> Sources);
