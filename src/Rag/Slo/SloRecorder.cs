using System.Data.Common;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Caching;
using Rag.Foundation;
using Rag.Storage;
using Rag.Telemetry;

namespace Rag.Slo;

/// <summary>
/// Writes what this replica served into the record, by the minute, so that objectives are known without Prometheus. Counted
/// where the metrics are counted; while the record is away the counts wait, and follow.
/// </summary>
internal sealed class SloRecorder(Database database, RecordState record, HttpMetrics http, CacheMetrics cache, Probe probe, TimeProvider time, ILogger<SloRecorder> log) : BackgroundService
{
    private const int MinuteSeconds = 60;
    /// <summary>Minutes that wait while the record is away; past that the oldest are given up.</summary>
    private const int MaxMinutes = 1_440;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly SortedDictionary<long, Dictionary<string, (long Good, long Total)>> _waiting = [];
    private readonly SemaphoreSlim _writing = new(1, 1);
    private Dictionary<string, (long Good, long Total)> _counted = Objectives.All.ToDictionary(o => o.Name, _ => (0L, 0L));
    private long _minute = Minute(time.GetUtcNow());

    /// <summary>Writes all that was served up to now.</summary>
    public async Task FlushAsync(CancellationToken ct)
    {
        await _writing.WaitAsync(ct);
        try
        {
            Take();
            if (_waiting.Count == 0 || record.Away) return;
            var rows = _waiting.SelectMany(m => m.Value.Select(o => new { minute = m.Key, objective = o.Key, good = o.Value.Good, total = o.Value.Total })).ToList();
            try
            {
                // In one order on every replica, so that none waits for another's rows in a circle.
                await database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
                    """
                    INSERT INTO slo_minutes (minute, objective, good, total) VALUES (@minute, @objective, @good, @total)
                    ON CONFLICT (minute, objective) DO UPDATE SET good = slo_minutes.good + @good, total = slo_minutes.total + @total
                    """, rows.OrderBy(r => r.minute).ThenBy(r => r.objective, StringComparer.Ordinal), tx), CancellationToken.None);
            }
            catch (RagException e) when (e.InnerException is UnknownOutcomeException)
            {
                // Most likely it is there; counting it twice would be worse than not at all.
            }
            _waiting.Clear();
        }
        finally
        {
            _writing.Release();
        }
    }

    public static long Minute(DateTimeOffset at) => at.ToUnixTimeSeconds() / MinuteSeconds;

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(Interval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await TryFlushAsync();
        }
    }

    public override async Task StopAsync(CancellationToken ct)
    {
        await base.StopAsync(ct);
        await TryFlushAsync();
    }

    private async Task TryFlushAsync()
    {
        try
        {
            await FlushAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is RagException or DbException)
        {
            if (!record.Away) log.CountsDelayed(e.Message);
        }
    }

    /// <summary>Puts what was served since the last time into the minute in which that began.</summary>
    private void Take()
    {
        var (served, probes, question, evidence) = (http.Served, probe.Counts, cache.Of(CacheLayer.Question), cache.Of(CacheLayer.Evidence));
        var now = new Dictionary<string, (long Good, long Total)>
        {
            [Objectives.Availability.Name] = (served.Questions - served.FailedQuestions + probes.Ok, served.Questions + probes.Ok + probes.Failed),
            [Objectives.Latency.Name] = (served.FastQuestions, served.Questions),
            [Objectives.Errors.Name] = (served.Requests - served.Failed, served.Requests),
            [Objectives.Cache.Name] = (question.Hits + evidence.Hits, question.Requests),
        };
        foreach (var (objective, (good, total)) in now)
        {
            var before = _counted[objective];
            if (total == before.Total && good == before.Good) continue;
            if (!_waiting.TryGetValue(_minute, out var minute)) _waiting[_minute] = minute = [];
            var (waitingGood, waitingTotal) = minute.GetValueOrDefault(objective);
            minute[objective] = (waitingGood + good - before.Good, waitingTotal + total - before.Total);
        }
        _counted = now;
        _minute = Minute(time.GetUtcNow());
        while (_waiting.Count > MaxMinutes) _waiting.Remove(_waiting.Keys.First());
    }
}
