using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Rag.Foundation;
using Rag.Maintenance;
using Rag.Maintenance.Schedules;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Tests.Maintenance;

public sealed class SchedulesOnSqlite() : SchedulesTests(Engine.Sqlite);

public sealed class SchedulesOnPostgres() : SchedulesTests(Engine.Postgres)
{
    [Fact]
    public async Task Of_three_replicas_one_does_each_run_and_one_takes_over()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        var running = new int[1];
        int most = 0, done = 0;
        var work = Work("tick", async (_, ct) =>
        {
            int now = Interlocked.Increment(ref running[0]);
            most = Math.Max(most, now);
            await Task.Delay(30, ct);
            Interlocked.Decrement(ref running[0]);
            Interlocked.Increment(ref done);
            return "Ticked.";
        }, "* * * * * ?");
        var services = new List<TestService>();
        try
        {
            for (int i = 0; i < 3; i++) services.Add(await TestService.StartAsync(record: record, also: s => s.AddSingleton(work).AddScheduleClock()));
            while (done < 3) await Task.Delay(50, Cancel);
            var leader = services.Single(s => s.Get<Leader>().Term is not null);
            services.Remove(leader);
            await leader.DisposeAsync();
            int before = done;
            while (done < before + 3) await Task.Delay(50, Cancel);
            most.ShouldBe(1);
            var runs = (await services[0].Get<ScheduleRecord>().RunsAsync("tick", Cancel)).Runs;
            runs.Where(r => r.PlannedAt is not null && r.Why != ScheduleRunView.Again).GroupBy(r => r.PlannedAt).ShouldAllBe(g => g.Count() == 1);
        }
        finally
        {
            foreach (var service in services) await service.DisposeAsync();
        }
    }
}

public abstract class SchedulesTests(Engine engine)
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected static ScheduledWork Work(string name, Func<ScheduledRun, CancellationToken, Task<string>> run, string cron = "0 0 3 * * ?") => new(name, "A test", cron, TimeSpan.FromMinutes(5), run);

    [Fact]
    public async Task A_run_that_is_asked_for_is_done_and_its_outcome_kept()
    {
        await using var service = await StartAsync([Work("good", (_, _) => Task.FromResult("Did it.")), Work("bad", (_, _) => throw new RagException(ErrorKind.Unavailable, "No tape.", "Insert one."))]);
        var runs = service.Get<ScheduleRecord>();
        var good = await EndAsync(service, (await runs.AskAsync("good", Cancel)).Id);
        (good.Outcome, good.Detail, good.Why).ShouldBe((ScheduleRunView.Done, "Did it.", ScheduleRunView.Asked));
        var bad = await EndAsync(service, (await runs.AskAsync("bad", Cancel)).Id);
        (bad.Outcome, bad.Detail).ShouldBe((ScheduleRunView.Failed, "No tape. Insert one."));
        var list = (await runs.ListAsync(Cancel)).Schedules;
        list.Single(s => s.Name == "good").LastDone.ShouldBe(good.EndedAt);
        list.Single(s => s.Name == "bad").LastDone.ShouldBeNull();
        (await Should.ThrowAsync<RagException>(() => runs.AskAsync("none", Cancel))).Kind.ShouldBe(ErrorKind.NotFound);
    }

    [Fact]
    public async Task Two_runs_of_one_schedule_never_overlap_and_two_schedules_may()
    {
        var one = new TaskCompletionSource<string>();
        var two = new TaskCompletionSource<string>();
        await using var service = await StartAsync([Work("one", (_, _) => one.Task), Work("two", (_, _) => two.Task)]);
        var runs = service.Get<ScheduleRecord>();
        string first = (await runs.AskAsync("one", Cancel)).Id, other = (await runs.AskAsync("two", Cancel)).Id;
        (await Should.ThrowAsync<RagException>(() => runs.AskAsync("one", Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        while ((await runs.GetAsync(first, Cancel)).StartedAt is null || (await runs.GetAsync(other, Cancel)).StartedAt is null) await Task.Delay(20, Cancel);
        (await Should.ThrowAsync<RagException>(() => runs.AskAsync("one", Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        two.SetResult("Two.");
        (await EndAsync(service, other)).Outcome.ShouldBe(ScheduleRunView.Done);
        one.SetResult("One.");
        (await EndAsync(service, first)).Outcome.ShouldBe(ScheduleRunView.Done);
    }

    [Fact]
    public async Task What_was_missed_is_caught_up_by_one_run_and_what_is_new_begins_now()
    {
        var time = new FakeTimeProvider(Noon);
        int done = 0;
        await using var service = await StartAsync([Work("daily", (_, _) => Task.FromResult($"Run {++done}."))], time, clock: true);
        var (clock, runs) = (service.Get<ScheduleClock>(), service.Get<ScheduleRecord>());
        await clock.PlanDueAsync(Cancel);
        (await runs.RunsAsync("daily", Cancel)).Runs.ShouldBeEmpty();
        time.Advance(TimeSpan.FromDays(3));
        await clock.PlanDueAsync(Cancel);
        await clock.PlanDueAsync(Cancel);
        var missed = (await runs.RunsAsync("daily", Cancel)).Runs.ShouldHaveSingleItem();
        (missed.Why, missed.PlannedAt).ShouldBe((ScheduleRunView.Missed, Noon.AddDays(2).AddHours(15)));
        await TickAsync(service, time, missed.Id);
        done.ShouldBe(1);
        time.Advance(Noon.AddDays(3).AddHours(15) - time.GetUtcNow());
        await clock.PlanDueAsync(Cancel);
        (await runs.RunsAsync("daily", Cancel)).Runs[0].Why.ShouldBe(ScheduleRunView.Planned);
    }

    [Fact]
    public async Task A_run_whose_process_is_gone_is_done_again_once()
    {
        int done = 0;
        await using var service = await StartAsync([Work("works", (_, _) => Task.FromResult($"Run {++done}."))]);
        var (runs, database) = (service.Get<ScheduleRecord>(), service.Get<Database>());
        foreach (string why in (string[])[ScheduleRunView.Planned, ScheduleRunView.Again])
        {
            // As a process leaves it that was killed in the middle.
            string id = Ids.New(TimeProvider.System);
            await database.WriteAsync(async tx =>
            {
                await tx.Connection!.ExecuteAsync("DELETE FROM schedule_runs WHERE ended_at IS NULL", transaction: tx);
                await tx.Connection!.ExecuteAsync("INSERT INTO schedule_runs (id, schedule, why, asked_at, asked_by, holder, started_at) VALUES (@id, 'works', @why, 0, 'x', 'gone/1', 0)", new { id, why }, tx);
            }, Cancel);
            (await runs.EndOrphansAsync(service.Get<Leader>().Term!, "present/1", Cancel)).ShouldBe(["works"]);
            (await runs.GetAsync(id, Cancel)).Outcome.ShouldBe(ScheduleRunView.Interrupted);
            var waits = (await runs.RunsAsync("works", Cancel)).Runs.Where(r => r.Id != id && r.Outcome is null or ScheduleRunView.Done).ToList();
            if (why == ScheduleRunView.Planned) (await EndAsync(service, waits.Single(r => r.Why == ScheduleRunView.Again).Id)).Outcome.ShouldBe(ScheduleRunView.Done);
            else waits.Count.ShouldBe(1);
        }
        done.ShouldBe(1);
    }

    [Fact]
    public async Task The_configuration_says_when_and_whether()
    {
        await using var service = await StartAsync([Work("one", (_, _) => Task.FromResult("")), Work("two", (_, _) => Task.FromResult(""))], settings: new() { ["Maintenance:Schedules:one"] = "0 15 10 ? * MON", ["Maintenance:Schedules:two"] = "off" });
        var list = (await service.Get<ScheduleRecord>().ListAsync(Cancel)).Schedules;
        list.Single(s => s.Name == "one").Next!.Value.DayOfWeek.ShouldBe(DayOfWeek.Monday);
        (list.Single(s => s.Name == "two").Cron, list.Single(s => s.Name == "two").Next).ShouldBe(("off", null));
        new MaintenanceOptions { Schedules = { ["one"] = "at noon" } }.Validate().ShouldHaveSingleItem().Key.ShouldBe("Maintenance:Schedules:one");
        Should.Throw<ConfigurationException>(() => new ScheduleBook([], new MaintenanceOptions { Schedules = { ["none"] = "off" } })).Errors.ShouldHaveSingleItem();
    }

    private async Task<TestService> StartAsync(IEnumerable<ScheduledWork> works, TimeProvider? time = null, bool clock = false, Dictionary<string, string?>? settings = null)
    {
        var service = await TestService.StartAsync(engine: engine, time: time, settings: settings, also: s =>
        {
            foreach (var work in works) s.AddSingleton(work);
            if (clock) s.AddSingleton<ScheduleClock>();
        });
        while (service.Get<Leader>().Term is null) await Task.Delay(20, Cancel);
        return service;
    }

    private static async Task<ScheduleRunView> EndAsync(TestService service, string id)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (true)
        {
            var run = await service.Get<ScheduleRecord>().GetAsync(id, limit.Token);
            if (run.EndedAt is not null) return run;
            await Task.Delay(20, limit.Token);
        }
    }

    private static async Task TickAsync(TestService service, FakeTimeProvider time, string id)
    {
        while ((await service.Get<ScheduleRecord>().GetAsync(id, Cancel)).EndedAt is null)
        {
            time.Advance(TimeSpan.FromMilliseconds(600));
            await Task.Delay(20, Cancel);
        }
    }
}
