using Dapper;
using Microsoft.Extensions.Time.Testing;
using Rag.Audit;
using Rag.Foundation;
using Rag.Slo;
using Rag.Slo.Scaling;
using Rag.Storage;

namespace Rag.Tests.Slo;

public sealed class ScaleApprovalsOnSqlite() : ScaleApprovalTests(Engine.Sqlite);

public sealed class ScaleApprovalsOnPostgres() : ScaleApprovalTests(Engine.Postgres);

public abstract class ScaleApprovalTests(Engine engine)
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 2, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_approval_raises_the_ceiling_until_it_ends_and_is_on_the_record()
    {
        var time = new FakeTimeProvider(Noon);
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        var scale = service.Get<ScaleApprovals>();
        (await scale.BoundsAsync(Cancel)).ShouldBe(new ScaleBounds(3, 20, null, null, null));
        var approval = await scale.ApproveAsync(new(30, null, "Results are published", "8h", "Ada"), Cancel);
        (approval.MaxReplicas, approval.MinReplicas, approval.Owner, approval.ExpiresAt, approval.State).ShouldBe((30, null, "Ada", Noon.AddHours(8), ScaleApproval.Active));
        (await scale.BoundsAsync(Cancel)).ShouldBe(new ScaleBounds(3, 30, Noon.AddHours(8), "Ada", "Results are published"));
        var record = (await service.Get<AuditQuery>().ListAsync(new(Action: "scale.approve"), Cancel)).Records.ShouldHaveSingleItem();
        record.Resource.ShouldBe("scale-approval:" + approval.Id);
        string details = record.Event.ShouldNotBeNull().GetRawText();
        foreach (string detail in (string[])["\"30\"", "Ada", "Results are published", "2026-03-02T20:00"]) details.ShouldContain(detail);
        time.Advance(TimeSpan.FromHours(8));
        (await scale.BoundsAsync(Cancel)).Max.ShouldBe(20);
        (await scale.ListAsync(Cancel)).Approvals.Single().State.ShouldBe(ScaleApproval.Over);
    }

    [Fact]
    public async Task The_widest_holds_and_ends_with_the_first_that_it_follows_from()
    {
        var time = new FakeTimeProvider(Noon);
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        var scale = service.Get<ScaleApprovals>();
        await scale.ApproveAsync(new(25, null, "a", "4h", "Ada"), Cancel);
        await scale.ApproveAsync(new(40, null, "b", "1h", "Ben"), Cancel);
        await scale.ApproveAsync(new(null, 10, "c", "2h", "Cem"), Cancel);
        var bounds = await scale.BoundsAsync(Cancel);
        (bounds.Min, bounds.Max, bounds.Until, bounds.Owner).ShouldBe((10, 40, Noon.AddHours(1), "Ben"));
        time.Advance(TimeSpan.FromMinutes(90));
        (await scale.BoundsAsync(Cancel)).ShouldBe(new ScaleBounds(10, 25, Noon.AddHours(2), "Cem", "c"));
        time.Advance(TimeSpan.FromHours(1));
        (await scale.BoundsAsync(Cancel)).ShouldBe(new ScaleBounds(3, 25, Noon.AddHours(4), "Ada", "a"));
    }

    [Fact]
    public async Task An_approval_can_be_withdrawn_once()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var scale = service.Get<ScaleApprovals>();
        var approval = await scale.ApproveAsync(new(21, 21, "x", "1h"), Cancel);
        (await scale.WithdrawAsync(approval.Id, Cancel)).State.ShouldBe(ScaleApproval.Withdrawn);
        (await scale.BoundsAsync(Cancel)).ShouldBe(new ScaleBounds(3, 20, null, null, null));
        (await Should.ThrowAsync<RagException>(() => scale.WithdrawAsync(approval.Id, Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        (await Should.ThrowAsync<RagException>(() => scale.WithdrawAsync("none", Cancel))).Kind.ShouldBe(ErrorKind.NotFound);
        (await service.Get<AuditQuery>().ListAsync(new(Action: "scale.withdraw"), Cancel)).Records.ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData(null, null, "why", "1h", "Nothing is to be approved")]
    [InlineData(20, null, "why", "1h", "out of bounds")]
    [InlineData(101, null, "why", "1h", "out of bounds")]
    [InlineData(null, 3, "why", "1h", "out of bounds")]
    [InlineData(null, 21, "why", "1h", "out of bounds")]
    [InlineData(25, 26, "why", "1h", "out of bounds")]
    [InlineData(30, null, " ", "1h", "no reason")]
    [InlineData(30, null, "why", "31d", "out of bounds")]
    [InlineData(30, null, "why", "59s", "out of bounds")]
    [InlineData(30, null, "why", "long", "not a length")]
    public async Task What_is_no_approval_is_refused_and_leaves_nothing(int? max, int? min, string reason, string length, string said)
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var refused = await Should.ThrowAsync<RagException>(() => service.Get<ScaleApprovals>().ApproveAsync(new(max, min, reason, length), Cancel));
        (refused.Kind, refused.Message.Contains(said)).ShouldBe((ErrorKind.Invalid, true), refused.Message);
        (await service.Get<ScaleApprovals>().ListAsync(Cancel)).Approvals.ShouldBeEmpty();
        (await service.Get<AuditQuery>().ListAsync(new(Action: "scale.approve"), Cancel)).Records.ShouldBeEmpty();
    }

    [Fact]
    public async Task Twenty_one_replicas_fail_the_checklist_unless_they_are_approved()
    {
        var time = new FakeTimeProvider(Noon);
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        for (int i = 0; i < 21; i++)
            await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(
                "INSERT INTO replicas (id, name, version, started_at, seen_at, index_position, leads, cpu_share, memory_share) VALUES (@id, @id, '1', @at, @at, 0, 0, 0.5, 0.5)",
                new { id = $"r{i}", at = Clock.ToMicroseconds(Noon) }, tx), Cancel);
        async Task<ChecklistLine> LineAsync() => (await service.Get<Checklist>().RunAsync(Cancel)).Lines.Single(l => l.Line.StartsWith("Max 20"));
        (await LineAsync()).Result.ShouldBe(Checklist.Fail);
        await service.Get<ScaleApprovals>().ApproveAsync(new(21, null, "x", "1h", "Ada"), Cancel);
        var line = await LineAsync();
        (line.Result, line.Reason.Contains("Ada")).ShouldBe((Checklist.Pass, true));
    }
}
