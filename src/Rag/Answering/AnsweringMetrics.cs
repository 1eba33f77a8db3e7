using System.Diagnostics;
using System.Diagnostics.Metrics;
using Rag.Foundation;

namespace Rag.Answering;

internal sealed class AnsweringMetrics
{
    public const string MeterName = "Rag.Answering";

    private readonly Counter<long> _questions;
    private readonly Histogram<double> _generation, _firstToken;

    public AnsweringMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _generation = meter.CreateHistogram<double>("rag_generation_duration_seconds", description: "Time in which an answer is made from its evidence.", advice: Bounds());
        _firstToken = meter.CreateHistogram<double>("rag_time_to_first_token_seconds", description: "Time from a question to the first part of its streamed answer.", advice: Bounds());
        _questions = meter.CreateCounter<long>("rag_questions", description: "Questions, by what became of them.");
        foreach (string outcome in new[] { Answer.Answered, Answer.Abstained, "degraded", "failed" }) Question(outcome, cached: false, count: 0);
    }

    /// <summary>An answer was made; what the cache gave is none.</summary>
    public void Generated(long startedTimestamp)
    {
        _generation.Record(Stopwatch.GetElapsedTime(startedTimestamp).TotalSeconds);
        Spans.Ended("answer", startedTimestamp);
    }

    public void FirstToken(long startedTimestamp) => _firstToken.Record(Stopwatch.GetElapsedTime(startedTimestamp).TotalSeconds);

    private static InstrumentAdvice<double> Bounds() => new() { HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30] };

    public void Question(string outcome, bool cached, int count = 1) => _questions.Add(
        count, new("outcome", outcome), new KeyValuePair<string, object?>("answerer", "extractive"), new("cached", cached ? "true" : "false"));
}
