using System.Text.Json;
using System.Text.Json.Serialization;

namespace Rag.Answering;

/// <summary>
/// A sentence, list item, table row or code block of an answer with the number of its source, from 1: verbatim, but where the
/// kind is <c>composed</c>, which a language model wrote and its sources say.
/// </summary>
/// <param name="Sources">All of its sources, where it has more than one.</param>
public sealed record AnswerSentence(string Text, string Kind, int Source, IReadOnlyList<int>? Sources = null)
{
    public const string Composed = "composed";

    public bool Equals(AnswerSentence? other) =>
        other is not null && Text == other.Text && Kind == other.Kind && Source == other.Source && (Sources ?? []).SequenceEqual(other.Sources ?? []);

    public override int GetHashCode() => HashCode.Combine(Text, Kind, Source);
}

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
/// <param name="Generation">What a language model or a conversation had to do with it; absent where neither had.</param>
public sealed record Answer(
    string Id, string Question, string Collection, string Outcome, [property: JsonPropertyName("answer")] string Text,
    IReadOnlyList<AnswerSentence> Sentences, IReadOnlyList<AnswerSource> Sources, IReadOnlyList<LookedAt> LookedAt,
    double Strength, string Answerer, long IndexPosition, bool Cached, string? CacheLayer, bool Degraded, string? DegradedReason,
    AnswerGeneration? Generation = null)
{
    public const string Answered = "answered", Abstained = "abstained";

    public const string AbstainedText = "The documents do not answer this question.";
}

/// <summary>How a language model took part in an answer, and what a question of a conversation was taken for.</summary>
/// <param name="Mode">What made the sentences: <c>select</c>, <c>compose</c>, or <c>extractive</c> where nothing of a model's is in them.</param>
/// <param name="Model">The model that was asked; absent where none was.</param>
/// <param name="PromptSha256">Digest of everything that it was sent.</param>
/// <param name="Withheld">Sentences that it wrote and that are not in the answer, because what they cite does not say them.</param>
/// <param name="Replaced">Those of them in whose place a quotation stands.</param>
/// <param name="RewrittenQuestion">The question that was answered, where it is not the one that was asked.</param>
/// <param name="RewrittenBy"><c>model</c> or <c>rule</c>.</param>
public sealed record AnswerGeneration(string Mode, string? Model, string? PromptSha256, int Withheld, int Replaced, string? RewrittenQuestion, string? RewrittenBy);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Answer))]
[JsonSerializable(typeof(AnswerSentence))]
[JsonSerializable(typeof(AskRequest))]
[JsonSerializable(typeof(ReplayResult))]
[JsonSerializable(typeof(AnswerRecord))]
[JsonSerializable(typeof(FeedbackRequest))]
[JsonSerializable(typeof(StreamFailure))]
[JsonSerializable(typeof(Generation.ModelAnswer))]
internal sealed partial class AnsweringJson : JsonSerializerContext;

/// <summary>A question as it comes in.</summary>
/// <param name="Collection">Where to look; <c>default</c> when absent.</param>
/// <param name="Stream">Answer as server-sent events: one <c>sentence</c> each, then the whole <c>answer</c>.</param>
/// <param name="History">What was asked before in the same conversation, oldest first; at most <see cref="MaxTurns"/> turns.</param>
public sealed record AskRequest(string? Question, string? Collection = null, bool Stream = false, AskOptions? Options = null, IReadOnlyList<AskTurn>? History = null)
{
    public const int MaxTurns = 20;
}

/// <summary>A question that was asked before, and what was answered.</summary>
public sealed record AskTurn(string Question, string? Answer = null)
{
    public const int MaxAnswerChars = 8_000;
}

/// <param name="Mode"><c>hybrid</c> (default), <c>lexical</c> or <c>dense</c>.</param>
/// <param name="Filter">Facts that the documents must have, such as <c>media_type</c>.</param>
/// <param name="WaitFor">Change-log position to wait for before answering: what a write returned.</param>
/// <param name="NoCache">Compute the answer even where it is known.</param>
public sealed record AskOptions(string? Mode = null, Dictionary<string, string>? Filter = null, long? WaitFor = null, bool NoCache = false);

/// <summary>Why an answer that had begun to come does not come to its end.</summary>
public sealed record StreamFailure(string Kind, string Message, string Remedy);

/// <param name="Rating">1 helpful, -1 not.</param>
public sealed record FeedbackRequest(int Rating, string? Comment = null);

/// <summary>What replaying gave. <paramref name="Same"/>: the same evidence led to the same sentences.</summary>
/// <param name="Difference">What differs, in words; absent where nothing does.</param>
/// <param name="Generation">How a language model took part; it is not asked again.</param>
public sealed record ReplayResult(string Id, bool Same, string? Difference, IReadOnlyList<AnswerSource> Sources, AnswerGeneration? Generation = null);
