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
public sealed record AnswerEvaluationReport(
    string Collection, string Mode, int Queries, double NdcgAt10, double RecallAt100, double P50Ms, double P95Ms,
    int Answerable, double GoldInAnswer, double DeclinedAnswerable, int Foreign, double? DeclinedForeign)
    : EvaluationReport(Collection, Mode, Queries, NdcgAt10, RecallAt100, P50Ms, P95Ms);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(EvaluationReport))]
[JsonSerializable(typeof(AnswerEvaluationReport))]
internal sealed partial class EvaluationJson : JsonSerializerContext;

/// <summary>How far an evaluation is: what it does, how much of it is done, how much there is.</summary>
internal readonly record struct EvaluationProgress(string Stage, long Done, long Total);
