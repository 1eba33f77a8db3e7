using System.Text.Json;
using System.Text.Json.Serialization;
using Rag.Evaluation;

namespace Rag.Bench;

/// <summary>
/// One comparison, both sides of it measured in the same run: <c>ours</c> and <c>baseline</c> are medians over the
/// rounds, <c>ratio</c> the median of the rounds' ratios, ours over baseline, with the lowest and highest beside it.
/// </summary>
internal sealed record BenchResult(
    string Name, string Unit, double Ours, double? Baseline, double? Ratio, double? RatioLow, double? RatioHigh, int Rounds, IReadOnlyDictionary<string, double> Detail)
{
    public static BenchResult Of(string name, string unit, IReadOnlyList<(double Ours, double Baseline)> rounds, IReadOnlyDictionary<string, double>? detail = null)
    {
        var ratios = rounds.Select(r => r.Ours / r.Baseline).ToList();
        return new(
            name, unit, Round(Median(rounds.Select(r => r.Ours))), Round(Median(rounds.Select(r => r.Baseline))),
            Round(Median(ratios)), Round(ratios.Min()), Round(ratios.Max()), rounds.Count, detail ?? new Dictionary<string, double>());
    }

    /// <summary>A measurement that has nothing to be compared with.</summary>
    public static BenchResult Alone(string name, string unit, double ours, IReadOnlyDictionary<string, double> detail) =>
        new(name, unit, Round(ours), null, null, null, null, 1, detail);

    public static double Median(IEnumerable<double> values) => RankingScores.Percentile(values, 0.5);

    public static double Round(double value) => Math.Round(value, Math.Abs(value) < 10 ? 3 : 1);

    public override string ToString() => JsonSerializer.Serialize(this, BenchJson.Readable.BenchResult);
}

[JsonSerializable(typeof(BenchResult))]
[JsonSerializable(typeof(Verify.CheckLine))]
internal sealed partial class BenchJson : JsonSerializerContext
{
    public static readonly BenchJson Readable = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        // For terminals, where a sign is better than its escape.
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
