using System.Diagnostics;
using System.Diagnostics.Metrics;
using Rag.Foundation;

namespace Rag.Retrieval;

internal sealed class RetrievalMetrics
{
    public const string MeterName = "Rag.Retrieval";

    private readonly Histogram<double> _duration;

    public RetrievalMetrics(IMeterFactory meters) =>
        _duration = meters.Create(MeterName).CreateHistogram<double>("rag_retrieval_duration_seconds", description: "Time of each retrieval stage.",
            advice: new() { HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5] });

    /// <param name="stage">embed, lexical, dense, fuse or load.</param>
    public void Stage(string stage, long startedTimestamp)
    {
        _duration.Record(Stopwatch.GetElapsedTime(startedTimestamp).TotalSeconds, new KeyValuePair<string, object?>("stage", stage));
        Spans.Ended($"retrieval {stage}", startedTimestamp);
    }
}
