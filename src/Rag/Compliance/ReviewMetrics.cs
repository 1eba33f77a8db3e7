using System.Data.Common;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Compliance;

/// <summary>When each review is due, for the alert on those that are overdue.</summary>
internal sealed class ReviewMetrics : BackgroundService
{
    public const string MeterName = "Rag.Compliance";

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    private readonly ReviewBook _reviews;
    private readonly RecordState _record;
    private readonly TimeProvider _time;
    private volatile IReadOnlyList<ReviewStatus> _status = [];

    public ReviewMetrics(ReviewBook reviews, RecordState record, IMeterFactory meters, TimeProvider time)
    {
        (_reviews, _record, _time) = (reviews, record, time);
        meters.Create(MeterName).CreateObservableGauge("rag_review_due_timestamp_seconds", Measure, description: "When the review is due, seconds since 1970.");
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!_record.Away) _status = await _reviews.StatusAsync(stop);
            }
            catch (Exception e) when (e is RagException or DbException or OperationCanceledException)
            {
                // What was known last still holds: only reviews move it.
            }
            await Task.Delay(Interval, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private IEnumerable<Measurement<double>> Measure() => _status.Select(r => new Measurement<double>(r.DueAt.ToUnixTimeMilliseconds() / 1000.0, new KeyValuePair<string, object?>("review", r.Name)));
}
