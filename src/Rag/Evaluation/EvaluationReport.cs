using System.Text.Json.Serialization;

namespace Rag.Evaluation;

/// <summary>How well a collection's judged queries are served; times are of one query at a time, uncached, in milliseconds.</summary>
/// <param name="Queries">Judged queries that were put.</param>
/// <param name="NdcgAt10">Mean over the queries, over documents; so is recall.</param>
public record EvaluationReport(
    string Collection, string Mode, int Queries,
    [property: JsonPropertyName("ndcg_at_10")] double NdcgAt10,
    [property: JsonPropertyName("recall_at_100")] double RecallAt100,
    [property: JsonPropertyName("p50_ms")] double P50Ms,
    [property: JsonPropertyName("p95_ms")] double P95Ms);

/// <summary>The same, with what the answers were worth: counts of questions and fractions of them.</summary>
/// <param name="Answerable">Questions with gold answers that were asked.</param>
/// <param name="GoldInAnswer">Of these, the fraction with a gold answer in the text of an answer of at most three units.</param>
/// <param name="DeclinedAnswerable">Of these, the fraction that was declined.</param>
/// <param name="Foreign">Questions of another collection that were asked.</param>
/// <param name="DeclinedForeign">Of these, the fraction that was declined; null where there are none.</param>
/// <param name="Generation">What a language model's answers were worth; null where none made them.</param>
/// <param name="Conversations">What became of the collection's conversations; null where it has none.</param>
public sealed record AnswerEvaluationReport(
    string Collection, string Mode, int Queries, double NdcgAt10, double RecallAt100, double P50Ms, double P95Ms,
    int Answerable, double GoldInAnswer, double DeclinedAnswerable, int Foreign, double? DeclinedForeign,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] GenerationScores? Generation = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ConversationScores? Conversations = null)
    : EvaluationReport(Collection, Mode, Queries, NdcgAt10, RecallAt100, P50Ms, P95Ms);

/// <summary>What a language model's answers were worth.</summary>
/// <param name="Questions">Questions that it was asked.</param>
/// <param name="Degraded">Of these, the fraction whose answer was marked, because the model was away or no use.</param>
/// <param name="Declined">Of these, the fraction that was declined.</param>
/// <param name="Sentences">Sentences of the answers.</param>
/// <param name="Written">Sentences that the model wrote.</param>
/// <param name="Support">Of those that it wrote, the fraction that their sources say, and that was delivered; null where it wrote none, for what it selects is quoted.</param>
/// <param name="Withheld">Sentences that verification took out.</param>
/// <param name="Replaced">Of these, those in whose place a quotation stands.</param>
/// <param name="CitationPrecision">Of the sources of answers to judged questions, the fraction from documents that are judged relevant.</param>
/// <param name="CitationRecall">Of the relevant documents of answered, judged questions, the fraction that is cited.</param>
public sealed record GenerationScores(
    string Model, string Mode, int Questions, double? Degraded, double? Declined, int Sentences, int Written, double? Support, int Withheld, int Replaced, double? CitationPrecision, double? CitationRecall);

/// <summary>What became of conversations: questions after the first, asked with those before and without.</summary>
/// <param name="FollowUps">Questions after the first of their conversation.</param>
/// <param name="Rewritten">Of these, the fraction that was rewritten.</param>
/// <param name="GoldInAnswer">Of those with gold answers, the fraction that has it, asked with the turns before.</param>
/// <param name="GoldWithoutHistory">The same, asked alone.</param>
public sealed record ConversationScores(int Conversations, int FollowUps, double? Rewritten, double? Declined, double? GoldInAnswer, double? GoldWithoutHistory);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(EvaluationReport))]
[JsonSerializable(typeof(AnswerEvaluationReport))]
internal sealed partial class EvaluationJson : JsonSerializerContext;

/// <summary>How far an evaluation is: what it does, how much of it is done, how much there is.</summary>
internal readonly record struct EvaluationProgress(string Stage, long Done, long Total);
