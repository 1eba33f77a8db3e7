using System.Diagnostics;
using System.Diagnostics.Metrics;
using Rag.Foundation;
using Rag.Inference.Generation;

namespace Rag.Answering;

internal sealed class AnsweringMetrics
{
    public const string MeterName = "Rag.Answering";

    private readonly Counter<long> _questions, _withheld;
    private readonly Histogram<double> _generation, _firstToken;

    public AnsweringMetrics(IMeterFactory meters, GenerationOptions generation)
    {
        var meter = meters.Create(MeterName);
        _generation = meter.CreateHistogram<double>("rag_generation_duration_seconds", description: "Time in which an answer is made from its evidence.", advice: Bounds());
        _firstToken = meter.CreateHistogram<double>("rag_time_to_first_token_seconds", description: "Time from a question to the first part of its streamed answer.", advice: Bounds());
        _questions = meter.CreateCounter<long>("rag_questions", description: "Questions, by what became of them.");
        _withheld = meter.CreateCounter<long>("rag_generation_withheld", description: "Sentences of a language model that what they cite does not say.");
        Withheld(0);
        string[] answerers = generation.Configured ? [GenerationOptions.Extractive, generation.Mode] : [GenerationOptions.Extractive];
        foreach (string answerer in answerers)
            foreach (string outcome in new[] { Answer.Answered, Answer.Abstained, "degraded", "failed" }) Question(outcome, answerer, cached: false, count: 0);
    }

    /// <summary>An answer was made; what the cache gave is none.</summary>
    public void Generated(long startedTimestamp)
    {
        _generation.Record(Stopwatch.GetElapsedTime(startedTimestamp).TotalSeconds);
        Spans.Ended("answer", startedTimestamp);
    }

    public void FirstToken(long startedTimestamp) => _firstToken.Record(Stopwatch.GetElapsedTime(startedTimestamp).TotalSeconds);

    private static InstrumentAdvice<double> Bounds() => new() { HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30] };

    public void Withheld(int count) => _withheld.Add(count);

    /// <param name="answerer">extractive, select or compose.</param>
    public void Question(string outcome, string answerer, bool cached, int count = 1) => _questions.Add(
        count, new("outcome", outcome), new KeyValuePair<string, object?>("answerer", answerer), new("cached", cached ? "true" : "false"));
}
