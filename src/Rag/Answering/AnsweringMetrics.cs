using System.Diagnostics.Metrics;

namespace Rag.Answering;

internal sealed class AnsweringMetrics
{
    public const string MeterName = "Rag.Answering";

    private readonly Counter<long> _questions;

    public AnsweringMetrics(IMeterFactory meters)
    {
        _questions = meters.Create(MeterName).CreateCounter<long>("rag_questions", description: "Questions, by what became of them.");
        foreach (string outcome in new[] { Answer.Answered, Answer.Abstained, "degraded", "failed" }) Question(outcome, cached: false, count: 0);
    }

    public void Question(string outcome, bool cached, int count = 1) => _questions.Add(
        count, new("outcome", outcome), new KeyValuePair<string, object?>("answerer", "extractive"), new("cached", cached ? "true" : "false"));
}
