using System.Diagnostics;
using System.Diagnostics.Metrics;
using Rag.Foundation;

namespace Rag.Ingestion;

internal sealed class IngestionMetrics
{
    public const string MeterName = "Rag.Ingestion";

    private readonly Counter<long> _documents;
    private readonly Histogram<double> _duration;

    public IngestionMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _documents = meter.CreateCounter<long>("rag_ingest_documents", description: "Files taken in, by what became of them.");
        _duration = meter.CreateHistogram<double>("rag_ingest_duration_seconds", description: "Time of each ingestion stage.",
            advice: new() { HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60] });
        foreach (string outcome in new[] { IngestOutcome.Created, IngestOutcome.Updated, IngestOutcome.Unchanged, IngestOutcome.Failed })
            _documents.Add(0, new KeyValuePair<string, object?>("outcome", outcome));
    }

    public void Document(string outcome) => _documents.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    /// <param name="stage">parse, chunk or record.</param>
    public void Stage(string stage, long startedTimestamp)
    {
        _duration.Record(Stopwatch.GetElapsedTime(startedTimestamp).TotalSeconds, new KeyValuePair<string, object?>("stage", stage));
        Spans.Ended($"ingestion {stage}", startedTimestamp);
    }
}
