using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Maintenance;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Tests.Maintenance;

public sealed class MaintenanceProcedureOnSqlite() : MaintenanceProcedureTests(Engine.Sqlite);

public sealed class MaintenanceProcedureOnPostgres() : MaintenanceProcedureTests(Engine.Postgres);

public abstract class MaintenanceProcedureTests(Engine engine)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static StartMaintenance Wanted(string length = "1h", bool backup = true) => new("tests", length, "Ada", backup);

    [Fact]
    public async Task It_does_its_steps_in_order_with_writes_out_and_ends_with_writes_in()
    {
        TestService? service = null;
        var seen = new List<string>();
        await using (service = await StartAsync(new(
            async _ =>
            {
                seen.Add((await Should.ThrowAsync<RagException>(() => service!.TryPutAsync("c.txt", "Not now."))).Kind.ToString());
                return "b-1";
            },
            (id, _) =>
            {
                seen.Add(id);
                return Task.CompletedTask;
            })))
        {
            await service.PutAsync("a.txt", "The red fox.");
            await service.PutAsync("b.txt", "The blue fox.");
            await service.DeleteAsync("b.txt");
            var run = await EndAsync(service, (await service.Get<MaintenanceRuns>().StartAsync(Wanted(), Cancel)).Id);
            run.Problem.ShouldBeNull();
            (run.Outcome, run.Backup).ShouldBe((MaintenanceRun.Done, "b-1"));
            run.Steps.Select(s => s.Step).ShouldBe(MaintenanceStepName.All);
            run.Steps.ShouldAllBe(s => s.EndedAt != null && s.Detail!.Length > 0);
            seen.ShouldBe(["ReadOnly", "b-1"]);
            (await service.Get<ReadOnlyMode>().StatusAsync(Cancel)).On.ShouldBeFalse();
            (await service.PutAsync("c.txt", "The green fox.")).Status.ShouldBe(IngestOutcome.Created);
            (await service.Get<Database>().CountAsync("SELECT COUNT(*) FROM audit_records WHERE action LIKE 'maintenance.%' OR action LIKE 'read_only.%'")).ShouldBe(4);
        }
    }

    [Fact]
    public async Task Stopped_in_the_middle_it_goes_on_at_the_step_that_was_not_done()
    {
        await using var record = await TestRecord.CreateAsync(engine);
        string data = Directory.CreateTempSubdirectory("rag-maintain-").FullName;
        try
        {
            string id;
            int backups = 0;
            var reached = new TaskCompletionSource();
            await using (var service = await StartAsync(new(async ct =>
            {
                backups++;
                reached.SetResult();
                await Task.Delay(Timeout.Infinite, ct);
                return "never";
            }, (_, _) => Task.CompletedTask), data, record))
            {
                id = (await service.Get<MaintenanceRuns>().StartAsync(Wanted(), Cancel)).Id;
                await reached.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
            }
            await using (var service = await StartAsync(new(_ =>
            {
                backups++;
                return Task.FromResult("b-2");
            }, (_, _) => Task.CompletedTask), data, record))
            {
                var run = await EndAsync(service, id);
                (run.Outcome, run.Backup, backups).ShouldBe((MaintenanceRun.Done, "b-2", 2));
                (await service.Get<ReadOnlyMode>().StatusAsync(Cancel)).Earlier.ShouldHaveSingleItem();
            }
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task A_step_that_fails_undoes_it_and_writes_are_taken_again()
    {
        await using var service = await StartAsync(new(_ => throw new RagException(ErrorKind.StorageFull, "The disk of the backups is full.", "Free space."), (_, _) => Task.CompletedTask));
        var run = await EndAsync(service, (await service.Get<MaintenanceRuns>().StartAsync(Wanted(), Cancel)).Id);
        (run.Outcome, run.Problem).ShouldBe((MaintenanceRun.Failed, "The disk of the backups is full. Free space."));
        run.Steps.Select(s => s.Step).ShouldBe([MaintenanceStepName.ReadOnly, MaintenanceStepName.Backup]);
        (await service.PutAsync("a.txt", "The red fox.")).Status.ShouldBe(IngestOutcome.Created);
    }

    [Fact]
    public async Task A_backup_that_cannot_be_read_back_fails_it()
    {
        await using var service = await StartAsync(new(_ => Task.FromResult("b-1"), (_, _) => throw new RagException(ErrorKind.Invalid, "Part 3 was changed.", "Make another.")));
        var run = await EndAsync(service, (await service.Get<MaintenanceRuns>().StartAsync(Wanted(), Cancel)).Id);
        (run.Outcome, run.Problem).ShouldBe((MaintenanceRun.Failed, "Part 3 was changed. Make another."));
        (await service.Get<ReadOnlyMode>().StatusAsync(Cancel)).Guarded.ShouldBeEmpty();
    }

    [Fact]
    public async Task Cancelled_it_is_undone_and_one_runs_at_a_time()
    {
        await using var service = await StartAsync(new(async ct =>
        {
            await Task.Delay(Timeout.Infinite, ct);
            return "never";
        }, (_, _) => Task.CompletedTask));
        var runs = service.Get<MaintenanceRuns>();
        string id = (await runs.StartAsync(Wanted(), Cancel)).Id;
        (await Should.ThrowAsync<RagException>(() => runs.StartAsync(Wanted(), Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        while ((await runs.GetAsync(id, Cancel)).Steps.All(s => s.Step != MaintenanceStepName.Backup)) await Task.Delay(20, Cancel);
        (await Should.ThrowAsync<RagException>(() => service.Get<ReadOnlyMode>().OffAsync(Cancel))).Message.ShouldContain(id);
        await runs.CancelAsync(id, Cancel);
        (await EndAsync(service, id)).Outcome.ShouldBe(MaintenanceRun.Cancelled);
        (await service.Get<ReadOnlyMode>().StatusAsync(Cancel)).On.ShouldBeFalse();
        (await Should.ThrowAsync<RagException>(() => runs.CancelAsync(id, Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
    }

    [Fact]
    public async Task When_its_time_is_over_it_is_undone()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var reached = new TaskCompletionSource();
        await using var service = await StartAsync(new(async ct =>
        {
            reached.SetResult();
            await Task.Delay(Timeout.Infinite, ct);
            return "never";
        }, (_, _) => Task.CompletedTask), time: time);
        string id = (await service.Get<MaintenanceRuns>().StartAsync(Wanted("10m"), Cancel)).Id;
        while (!reached.Task.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(600));
            await Task.Delay(50, Cancel);
        }
        time.Advance(TimeSpan.FromMinutes(10));
        while ((await service.Get<MaintenanceRuns>().GetAsync(id, Cancel)).EndedAt is null)
        {
            time.Advance(TimeSpan.FromMilliseconds(600));
            await Task.Delay(50, Cancel);
        }
        var run = await service.Get<MaintenanceRuns>().GetAsync(id, Cancel);
        (run.Outcome, run.Problem).ShouldBe((MaintenanceRun.Failed, "Its time was over before it was done."));
        (await service.Get<ReadOnlyMode>().StatusAsync(Cancel)).On.ShouldBeFalse();
    }

    [Fact]
    public async Task While_read_only_mode_is_on_by_hand_it_does_not_begin()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.Get<ReadOnlyMode>().OnAsync(new("New disk", "1h"), Cancel);
        (await Should.ThrowAsync<RagException>(() => service.Get<MaintenanceRuns>().StartAsync(Wanted(backup: false), Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
    }

    private async Task<TestService> StartAsync(MaintenanceBackup backup, string? data = null, TestRecord? record = null, TimeProvider? time = null)
    {
        var service = await TestService.StartAsync(engine: engine, data: data, record: record, time: time, also: s => s.AddSingleton(backup));
        // The leader does it; it leads within its first beat.
        while (service.Get<Leader>().Term is null) await Task.Delay(20, Cancel);
        return service;
    }

    private static async Task<MaintenanceRun> EndAsync(TestService service, string id)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromMinutes(1));
        while (true)
        {
            var run = await service.Get<MaintenanceRuns>().GetAsync(id, limit.Token);
            if (run.EndedAt is not null) return run;
            await Task.Delay(50, limit.Token);
        }
    }
}
