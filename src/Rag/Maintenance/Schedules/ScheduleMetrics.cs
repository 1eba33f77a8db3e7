using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Rag.Maintenance.Schedules;

internal sealed class ScheduleMetrics
{
    public const string MeterName = "Rag.Maintenance";

    private readonly Counter<long> _runs;
    private readonly ConcurrentDictionary<string, long> _running = new();
    private volatile IReadOnlyDictionary<string, DateTimeOffset> _done = new Dictionary<string, DateTimeOffset>();

    public ScheduleMetrics(IMeterFactory meters, ScheduleBook book)
    {
        var meter = meters.Create(MeterName);
        _runs = meter.CreateCounter<long>("rag_schedule_runs", description: "Runs of schedules that ended on this replica, by outcome.");
        var names = book.All.Select(s => s.Work.Name).ToList();
        foreach (string name in names)
            foreach (string outcome in (string[])[ScheduleRunView.Done, ScheduleRunView.Failed, ScheduleRunView.Interrupted]) _runs.Add(0, Of(name), new("outcome", outcome));
        meter.CreateObservableGauge("rag_schedule_running", () => names.Select(n => new Measurement<long>(_running.GetValueOrDefault(n), Of(n))), description: "1 while this replica does a run of the schedule.");
        meter.CreateObservableGauge(
            "rag_schedule_last_success_timestamp_seconds", () => names.Select(n => new Measurement<double>(_done.TryGetValue(n, out var at) ? at.ToUnixTimeMilliseconds() / 1e3 : 0, Of(n))),
            description: "When a run of the schedule was done last, on whatever replica, seconds since 1970; 0 never.");
    }

    public void Ended(string schedule, string outcome) => _runs.Add(1, Of(schedule), new("outcome", outcome));

    public void Running(string schedule, int change) => _running.AddOrUpdate(schedule, change, (_, n) => n + change);

    public void Show(IReadOnlyDictionary<string, DateTimeOffset> done) => _done = done;

    private static KeyValuePair<string, object?> Of(string schedule) => new("schedule", schedule);
}
