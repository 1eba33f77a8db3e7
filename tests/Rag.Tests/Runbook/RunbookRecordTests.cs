using Microsoft.Extensions.Time.Testing;
using Rag.Foundation;
using Rag.Maintenance.Retention;
using Rag.Runbook;
using Rag.Storage.Leadership;

namespace Rag.Tests.Runbook;

public sealed class RunbookRecordOnSqlite() : RunbookRecordTests(Engine.Sqlite);

public sealed class RunbookRecordOnPostgres() : RunbookRecordTests(Engine.Postgres);

public abstract class RunbookRecordTests(Engine engine)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_run_keeps_who_did_what_when_and_with_which_result()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        var (record, steps, runbook) = (service.Get<RunbookRecord>(), service.Get<RunbookSteps>(), service.Get<RunbookText>());
        (await record.ListAsync(Cancel)).Runs.ShouldBeEmpty();
        var run = await record.StartAsync(runbook.Find("cache-issues"), " Ada ", Cancel);
        time.Advance(TimeSpan.FromMinutes(1));
        string id = Guid.CreateVersion7().ToString();
        var told = new StepResult(id, StepOutcome.Failed, "./rag cache ping", 1, "silent\0", "Redis is away", time.GetUtcNow().AddSeconds(-3), null);
        await steps.RecordAsync(run.Id, "1a", told, Cancel);
        // Sent again because the answer was lost.
        await steps.RecordAsync(run.Id, "1a", told, Cancel);
        time.Advance(TimeSpan.FromSeconds(1));
        await steps.RecordAsync(run.Id, "3", new(Outcome: StepOutcome.Skipped, By: "Grace"), Cancel);
        await record.EndAsync(run.Id, RunbookRun.Failed, Cancel);

        var kept = await record.GetAsync(run.Id, Cancel);
        (kept.Section, kept.By, kept.Outcome, kept.RunbookSha256, kept.EndedAt).ShouldBe(("cache-issues", "Ada", "failed", runbook.Digest, time.GetUtcNow()));
        kept.Steps.Select(s => (s.Step, s.Outcome, s.ExitCode, s.By)).ShouldBe([("1a", "failed", 1, "Ada"), ("3", "skipped", null, "Grace")]);
        (kept.Steps[0].Output, kept.Steps[0].Note, kept.Steps[0].EndedAt - kept.Steps[0].StartedAt).ShouldBe(("silent\uFFFD", "Redis is away", TimeSpan.FromSeconds(3)));
        var listed = (await record.ListAsync(Cancel)).Runs.ShouldHaveSingleItem();
        (listed.Id, listed.Steps, listed.FailedSteps).ShouldBe((run.Id, 2, 1));
    }

    [Fact]
    public async Task Evidence_is_not_changed_afterwards()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var (record, steps) = (service.Get<RunbookRecord>(), service.Get<RunbookSteps>());
        var run = await record.StartAsync(service.Get<RunbookText>().Find("cache-issues"), "", Cancel);
        run.By.ShouldBe("someone");
        await record.EndAsync(run.Id, RunbookRun.Done, Cancel);
        (await Should.ThrowAsync<RagException>(() => steps.RecordAsync(run.Id, "2", new(Outcome: StepOutcome.Done), Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        (await Should.ThrowAsync<RagException>(() => record.EndAsync(run.Id, RunbookRun.Failed, Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        (await record.GetAsync(run.Id, Cancel)).Outcome.ShouldBe("done");
    }

    [Fact]
    public async Task What_is_not_there_or_says_nothing_is_refused()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var (record, steps, runbook) = (service.Get<RunbookRecord>(), service.Get<RunbookSteps>(), service.Get<RunbookText>());
        (await Should.ThrowAsync<RagException>(() => record.StartAsync(runbook.Find("severity-levels"), "x", Cancel))).Message.ShouldContain("has no steps");
        var run = await record.StartAsync(runbook.Find("cache-issues"), "x", Cancel);
        (await Should.ThrowAsync<RagException>(() => steps.RecordAsync("no-such-run", "1a", new(Outcome: StepOutcome.Done), Cancel))).Kind.ShouldBe(ErrorKind.NotFound);
        var step = await Should.ThrowAsync<RagException>(() => steps.RecordAsync(run.Id, "9", new(Outcome: StepOutcome.Done), Cancel));
        (step.Kind, step.Remedy.Contains("1a, 1b, 1c, 2", StringComparison.Ordinal)).ShouldBe((ErrorKind.NotFound, true), step.Remedy);
        await Should.ThrowAsync<RagException>(() => steps.RecordAsync(run.Id, "2", new(), Cancel));
        await Should.ThrowAsync<RagException>(() => steps.RecordAsync(run.Id, "2", new(Outcome: "great"), Cancel));
        await Should.ThrowAsync<RagException>(() => steps.RecordAsync(run.Id, "2", new(Id: "1", Outcome: StepOutcome.Done), Cancel));
        (await Should.ThrowAsync<RagException>(() => steps.RecordAsync(run.Id, "2", new(Outcome: StepOutcome.Done, Note: new('x', 2_001)), Cancel))).Message.ShouldContain("2001");
        // It clears the cache, which nobody said yes to.
        (await Should.ThrowAsync<RagException>(() => steps.RecordAsync(run.Id, "3", new(Run: true), Cancel))).Kind.ShouldBe(ErrorKind.Invalid);
        (await record.GetAsync(run.Id, Cancel)).Steps.ShouldBeEmpty();
    }

    [Fact]
    public async Task Runs_are_removed_when_they_are_older_than_they_are_kept()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await using var service = await TestService.StartAsync(engine: engine, time: time, settings: new() { ["Runbook:KeepDays"] = "11" });
        var (record, steps) = (service.Get<RunbookRecord>(), service.Get<RunbookSteps>());
        var old = await record.StartAsync(service.Get<RunbookText>().Find("cache-issues"), "x", Cancel);
        await steps.RecordAsync(old.Id, "2", new(Outcome: StepOutcome.Done), Cancel);
        time.Advance(TimeSpan.FromDays(10));
        var young = await record.StartAsync(service.Get<RunbookText>().Find("cache-issues"), "x", Cancel);
        await RemoveAsync();
        (await record.ListAsync(Cancel)).Runs.Count.ShouldBe(2);
        time.Advance(TimeSpan.FromDays(2));
        await RemoveAsync();
        (await record.ListAsync(Cancel)).Runs.Select(r => r.Id).ShouldBe([young.Id]);
        await Should.ThrowAsync<RagException>(() => record.GetAsync(old.Id, Cancel));
        (await service.Get<RetentionKeeper>().StatusAsync(Cancel)).Deletions.ShouldHaveSingleItem().Rule.ShouldBe("runbook-runs");

        async Task RemoveAsync()
        {
            await service.Get<Leader>().RenewAsync(Cancel);
            await service.Get<RetentionKeeper>().RunAsync(new("run", service.Get<Leader>().Term.ShouldNotBeNull()), Cancel);
        }
    }
}
