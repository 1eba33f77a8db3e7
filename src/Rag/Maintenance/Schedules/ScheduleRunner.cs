using System.Data.Common;
using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Maintenance.Schedules;

/// <summary>
/// Does the runs that wait in the record, on the leader: schedules side by side, each schedule one run at a time. A run is
/// stopped when its time is over or this process leads no more; what it would write after that is refused by its term.
/// </summary>
internal sealed class ScheduleRunner(ScheduleRecord runs, ScheduleBook book, ScheduleMetrics metrics, Leader leader, RecordState record, TimeProvider time, ILogger<ScheduleRunner> log) : BackgroundService
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500), Refresh = TimeSpan.FromSeconds(15);

    private readonly string _process = Ids.New(time);
    private readonly List<Task> _running = [];
    private long? _epoch;
    private long _refreshedAt;

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!record.Away)
                {
                    await BeginDueAsync(stop);
                    await RefreshAsync(stop);
                }
            }
            catch (Exception e) when (e is RagException or DbException or OperationCanceledException)
            {
                if (!stop.IsCancellationRequested && !record.Away) log.SchedulesWait(e.Message);
            }
            await Task.Delay(Look, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await Task.WhenAll(_running);
    }

    /// <summary>Begins what waits, where this process leads; they go on by themselves.</summary>
    public async Task BeginDueAsync(CancellationToken ct)
    {
        _running.RemoveAll(t => t.IsCompleted);
        if (leader.Term is not { } term)
        {
            _epoch = null;
            return;
        }
        string holder = $"{_process}/{term.Epoch}";
        if (_epoch != term.Epoch)
        {
            // What the last term of this process began has been stopped with it; it must be over before it is begun again.
            await Task.WhenAll(_running);
            foreach (string schedule in await runs.EndOrphansAsync(term, holder, ct))
            {
                metrics.Ended(schedule, ScheduleRunView.Interrupted);
                log.ScheduleInterrupted(schedule);
            }
            _epoch = term.Epoch;
        }
        foreach (var run in await runs.WaitingAsync(ct))
            if (await runs.BeginAsync(term, run.Id, holder, ct)) _running.Add(RunAsync(term, run, ct));
    }

    /// <summary>Waits for what runs; for tests.</summary>
    public Task WhenIdleAsync() => Task.WhenAll(_running);

    private async Task RunAsync(LeaderTerm term, ScheduleRunView run, CancellationToken stop)
    {
        await Task.Yield();
        long started = time.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        metrics.Running(run.Schedule, 1);
        var watch = WatchAsync(term, limit);
        try
        {
            var work = book.Get(run.Schedule).Work;
            limit.CancelAfter(work.Limit);
            string detail = await work.RunAsync(new(run.Id, term), limit.Token);
            await EndAsync(term, run, ScheduleRunView.Done, detail);
            log.ScheduleRan(run.Schedule, time.GetElapsedTime(started).TotalSeconds, detail);
        }
        catch (Exception e)
        {
            // A run that this process leaves is done again by whoever leads next.
            if (stop.IsCancellationRequested || leader.Term?.Epoch != term.Epoch) return;
            string why = e is OperationCanceledException && limit.IsCancellationRequested ? $"It was not done within {Durations.Show(book.Get(run.Schedule).Work.Limit)}."
                : e is RagException r ? $"{r.Message} {r.Remedy}" : e.Message;
            log.ScheduleFailed(e, run.Schedule, why);
            await EndAsync(term, run, ScheduleRunView.Failed, why);
        }
        finally
        {
            metrics.Running(run.Schedule, -1);
            await limit.CancelAsync();
            await watch;
        }
    }

    private async Task EndAsync(LeaderTerm term, ScheduleRunView run, string outcome, string detail)
    {
        try
        {
            await runs.EndAsync(term, run.Id, outcome, detail);
            metrics.Ended(run.Schedule, outcome);
            _refreshedAt = 0;
        }
        catch (Exception e) when (e is RagException or DbException)
        {
            // It counts as interrupted, and is done again: what it did may be done twice.
            log.SchedulesWait(e.Message);
            _epoch = null;
        }
    }

    private async Task WatchAsync(LeaderTerm term, CancellationTokenSource limit)
    {
        while (!limit.IsCancellationRequested)
        {
            await Task.Delay(Look, time, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (leader.Term?.Epoch != term.Epoch) await limit.CancelAsync();
        }
    }

    private async Task RefreshAsync(CancellationToken ct)
    {
        if (_refreshedAt != 0 && time.GetElapsedTime(_refreshedAt) < Refresh) return;
        metrics.Show(await runs.LastDoneAsync(ct));
        _refreshedAt = time.GetTimestamp();
    }
}
