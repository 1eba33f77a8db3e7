using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Quartz;
using Quartz.Extensibility;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Maintenance.Schedules;

/// <summary>
/// Tells when schedules are due: Quartz.NET, in memory, on every server. What was due and done is in the record, so that only
/// the leader adds a run, and adds it once; what nobody added because nobody led, or nothing ran, is caught up by one run.
/// </summary>
internal sealed class ScheduleClock(ScheduleBook book, ScheduleRecord runs, Leader leader, RecordState record, TimeProvider time, ILogger<ScheduleClock> log) : IHostedService, IAsyncDisposable, IJobFactory
{
    private const string CatchUp = "catch-up", CatchUpCron = "0/15 * * * * ?";

    /// <summary>What is due this long ago was missed.</summary>
    private static readonly TimeSpan OnTime = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _planning = new(1, 1);
    private IScheduler? _scheduler;

    public async Task StartAsync(CancellationToken ct)
    {
        _scheduler = await QuartzSchedulerBuilder.Create(q => q.UseInMemoryStore(_ => { }).UseTimeProvider(time).UseJobFactory(this).UseDefaultThreadPool(2)).BuildScheduler(ct);
        foreach (var schedule in book.All.Where(s => s.Cron is not null))
            await AddAsync(schedule.Work.Name, CronScheduleBuilder.Create(schedule.Cron!).InTimeZone(TimeZoneInfo.Utc), ct);
        await AddAsync(CatchUp, CronScheduleBuilder.Create(CatchUpCron), ct);
        await _scheduler.Start(ct);
    }

    public async Task StopAsync(CancellationToken ct)
    {
        if (_scheduler is not null) await _scheduler.Shutdown(waitForJobsToComplete: true, ct);
    }

    /// <summary>Adds a run for every schedule that was due since it was last taken note of, where this process leads.</summary>
    public async Task PlanDueAsync(CancellationToken ct)
    {
        await _planning.WaitAsync(ct);
        try
        {
            if (record.Away || leader.Term is not { } term) return;
            var planned = await runs.PlannedAsync(term, ct);
            var now = time.GetUtcNow();
            foreach (var schedule in book.All)
            {
                if (schedule.LastAt(now) is not { } due || due <= planned[schedule.Work.Name]) continue;
                bool missed = now - due > OnTime;
                if (await runs.PlanAsync(term, schedule, due, missed, ct) is not null && missed) log.ScheduleCaughtUp(schedule.Work.Name, due);
            }
        }
        catch (Exception e) when (e is RagException or DbException)
        {
            // The next look catches it up.
            if (!record.Away) log.SchedulesWait(e.Message);
        }
        finally
        {
            _planning.Release();
        }
    }

    public ValueTask<JobScope> CreateJob(TriggerFiredBundle bundle, IScheduler scheduler, CancellationToken ct) => ValueTask.FromResult(new JobScope(new PlanJob(this), null));

    public ValueTask ReturnJob(JobScope scope, CancellationToken ct) => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_scheduler is not null) await _scheduler.Shutdown(waitForJobsToComplete: false, CancellationToken.None);
        _planning.Dispose();
    }

    private async Task AddAsync(string name, IScheduleBuilder when, CancellationToken ct)
    {
        var job = JobBuilder.Create<PlanJob>().WithIdentity(name).DisallowConcurrentExecution(true).Build();
        await _scheduler!.ScheduleJob(job, TriggerBuilder.Create(time).WithIdentity(name).ForJob(job).WithSchedule(when).StartNow().Build(), default, ct);
    }

    /// <summary>Every job looks at all schedules: one that comes too early or too late does no harm.</summary>
    private sealed class PlanJob(ScheduleClock clock) : IJob
    {
        public async ValueTask Execute(IJobExecutionContext context, CancellationToken ct) => await clock.PlanDueAsync(ct);
    }
}
