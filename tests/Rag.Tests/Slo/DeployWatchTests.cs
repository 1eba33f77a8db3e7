using Dapper;
using Microsoft.Extensions.Time.Testing;
using Rag.Slo;
using Rag.Storage;

namespace Rag.Tests.Slo;

public sealed class DeployWatchOnSqlite() : DeployWatchTests(Engine.Sqlite);

public sealed class DeployWatchOnPostgres() : DeployWatchTests(Engine.Postgres);

/// <summary>Real counts in the record, and a clock that the test moves.</summary>
public abstract class DeployWatchTests(Engine engine)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task As_good_as_before_passes()
    {
        var (time, report) = await WatchAsync((2_000, 2), (200, 0), minutes: 10);
        report.Verdict.ShouldBe(DeployCommands.Passed, string.Join("; ", report.Reasons));
        report.WatchedSeconds.ShouldBe(600);
        report.Checks.Single(c => c.Name == "errors").Since.ShouldBe("0 % of 2,000");
        time.ShouldNotBeNull();
    }

    [Fact]
    public async Task Clearly_more_errors_fail_before_the_time_is_over()
    {
        var (_, report) = await WatchAsync((2_000, 2), (200, 20), minutes: 10);
        report.Verdict.ShouldBe(DeployCommands.Failed);
        report.WatchedSeconds.ShouldBe(60);
        report.Reasons[0].ShouldStartWith("errors: 0.1 % of 2,000 before, 10 % of 200 since, more than by chance");
    }

    [Fact]
    public async Task A_service_that_failed_before_does_not_fail_for_going_on_so()
    {
        var (_, report) = await WatchAsync((2_000, 200), (200, 20), minutes: 5);
        report.Verdict.ShouldBe(DeployCommands.Passed, string.Join("; ", report.Reasons));
    }

    [Fact]
    public async Task Without_a_time_before_the_objective_is_what_is_compared_with()
    {
        var (_, report) = await WatchAsync((0, 0), (200, 20), minutes: 5);
        report.Verdict.ShouldBe(DeployCommands.Failed);
        report.Reasons[0].ShouldContain("the objective of 0.1 % before");
        (await WatchAsync((0, 0), (200, 0), minutes: 5)).Report.Verdict.ShouldBe(DeployCommands.Passed);
    }

    [Fact]
    public async Task Too_little_to_compare_is_no_verdict()
    {
        var (_, report) = await WatchAsync((2_000, 2), (5, 0), minutes: 5);
        report.Verdict.ShouldBe(DeployCommands.Inconclusive);
        report.Reasons[0].ShouldContain("fewer than 100 events since");
    }

    [Fact]
    public async Task What_was_served_in_the_same_minute_before_is_not_counted_as_since()
    {
        var time = Clock();
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        await SloRecorderTests.ServeAsync(service, "/v1/ask", 500, 50);
        var comparer = service.Get<DeployComparer>();
        var baseline = await comparer.BaselineAsync(TimeSpan.FromMinutes(30), Cancel);
        baseline.Events["errors"].ShouldBe(new EventCount(0, 50));
        time.Advance(TimeSpan.FromSeconds(5));
        await SloRecorderTests.ServeAsync(service, "/v1/ask", 200, 7);
        (await comparer.SinceAsync(baseline, Cancel)).Events["errors"].ShouldBe(new EventCount(7, 7));
    }

    [Fact]
    public async Task Processor_and_memory_above_their_bounds_fail_after_five_minutes()
    {
        var (_, report) = await WatchAsync((2_000, 0), (200, 0), minutes: 15, use: minute => minute < 0 ? (0.3, 0.4) : (0.95, 0.9));
        report.Verdict.ShouldBe(DeployCommands.Failed);
        report.WatchedSeconds.ShouldBe(300);
        report.Reasons.Count.ShouldBe(2);
        report.Reasons[0].ShouldStartWith("CPU: 30 % before, 95 % since");
        report.Reasons[1].ShouldStartWith("memory: 40 % before, 90 % since");
        // As busy as before is no fault of the new version.
        (await WatchAsync((2_000, 0), (200, 0), minutes: 15, use: _ => (0.95, 0.9))).Report.Verdict.ShouldBe(DeployCommands.Passed);
    }

    [Fact]
    public void Replicas_that_do_not_come_back_fail_and_a_rolling_restart_does_not()
    {
        var baseline = new DeployBaseline(Clock().GetUtcNow(), 1_800, Counts(2_000, 2_000), Counts(0, 0), 0.3, 0.3, 3, ["0.1.0"], ["RedisDown"]);
        var at = baseline.At;
        var judge = new DeployJudge(baseline);
        DeployFacts Facts(int minute, int up, params string[] alerts) => new(at.AddMinutes(minute), Counts(200, 200), 0.3, 0.3, up, ["0.2.0"], 0, alerts);
        for (int minute = 1; minute <= 4; minute++) judge.Look(Facts(minute, 2)).ShouldAllBe(c => !c.Worse);
        judge.Look(Facts(5, 3)).ShouldAllBe(c => !c.Worse);
        for (int minute = 6; minute <= 10; minute++) judge.Look(Facts(minute, 2)).ShouldAllBe(c => !c.Worse);
        judge.Look(Facts(11, 2)).Single(c => c.Worse).Name.ShouldBe("replicas up");

        judge = new(baseline);
        for (int minute = 1; minute <= 5; minute++) judge.Look(Facts(minute, 3, "DatabaseDown")).ShouldAllBe(c => !c.Worse);
        judge.Look(Facts(6, 3, "DatabaseDown")).Single(c => c.Worse).Since.ShouldBe("DatabaseDown");

        // What was wrong before is no fault of the new version.
        judge = new(baseline);
        for (int minute = 1; minute <= 20; minute++) judge.Look(Facts(minute, 3, "RedisDown")).ShouldAllBe(c => !c.Worse);
    }

    [Fact]
    public void Replicas_of_two_versions_at_the_end_leave_it_open()
    {
        var baseline = new DeployBaseline(Clock().GetUtcNow(), 1_800, Counts(2_000, 2_000), Counts(0, 0), null, null, 2, ["0.1.0"], []);
        var checks = new DeployJudge(baseline).Look(new(baseline.At.AddMinutes(1), Counts(200, 200), null, null, 2, ["0.1.0", "0.2.0"], 0, []));
        checks.Single(c => !c.Enough).Why.ShouldBe("replicas of several versions run");
    }

    [Theory]
    // Sums of exact fractions of whole numbers.
    [InlineData(2, 2000, 20, 200, 1.189999380832101e-19)]
    [InlineData(1, 20, 4, 20, 0.17082467082467082)]
    // Not more than expected: not looked at further.
    [InlineData(10, 1000, 10, 1000, 1)]
    public void Chance_is_that_of_the_exact_test(long bad1, long total1, long bad2, long total2, double expected) =>
        (Chance.OfMore(bad1, total1, bad2, total2) / expected).ShouldBe(1, 1e-9);

    [Fact]
    public void Chance_is_what_counting_all_cases_gives()
    {
        // All ways to choose 4 of 8 events, 3 of which are bad, with 2 or 3 of these among the 4.
        long C(int n, int k) => Enumerable.Range(0, k).Aggregate(1L, (c, i) => c * (n - i) / (i + 1));
        double expected = Enumerable.Range(2, 2).Sum(k => C(3, k) * C(5, 4 - k)) / (double)C(8, 4);
        Chance.OfMore(1, 4, 2, 4).ShouldBe(expected, 1e-12);
        double binomial = Enumerable.Range(3, 8).Sum(k => C(10, k) * Math.Pow(0.1, k) * Math.Pow(0.9, 10 - k));
        Chance.OfAtLeast(3, 10, 0.1).ShouldBe(binomial, 1e-12);
        // Millions of events end in a moment.
        Chance.OfMore(1_000_000, 100_000_000, 1_010_000, 100_000_000).ShouldBeLessThan(1e-9);
    }

    private static FakeTimeProvider Clock() => new(new DateTimeOffset(2026, 3, 1, 12, 0, 30, TimeSpan.Zero));

    private static Dictionary<string, EventCount> Counts(long good, long total) => Objectives.All.ToDictionary(o => o.Name, _ => new EventCount(good, total));

    /// <summary>Serves so many requests and failures before, then so many in each minute, and watches as the command does.</summary>
    private async Task<(FakeTimeProvider Time, DeployReport Report)> WatchAsync((int All, int Bad) before, (int All, int Bad) eachMinute, int minutes, Func<int, (double Cpu, double Memory)>? use = null)
    {
        var time = Clock();
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        for (int i = 10; i >= 1 && use is not null; i--) await UsedAsync(service, time, -i, use(-i));
        await ServeAsync(service, before);
        await service.Get<SloRecorder>().FlushAsync(Cancel);
        time.Advance(TimeSpan.FromMinutes(2));
        var comparer = service.Get<DeployComparer>();
        var baseline = await comparer.BaselineAsync(TimeSpan.FromMinutes(30), Cancel);
        int minute = 0;
        var looked = new SemaphoreSlim(0);
        var watching = DeployCommands.WatchAsync(baseline, TimeSpan.FromMinutes(minutes), async () =>
        {
            var facts = await comparer.SinceAsync(baseline, Cancel);
            looked.Release();
            return facts;
        }, _ => { }, time, Cancel);
        while (!watching.IsCompleted)
        {
            await ServeAsync(service, eachMinute);
            await service.Get<SloRecorder>().FlushAsync(Cancel);
            if (use is not null) await UsedAsync(service, time, 0, use(minute));
            minute++;
            time.Advance(TimeSpan.FromMinutes(1));
            await Task.WhenAny(watching, looked.WaitAsync(Cancel));
            // The watch goes on to its next pause, or ends.
            await Task.WhenAny(watching, Task.Delay(30, Cancel));
        }
        return (time, await watching);
    }

    private static async Task ServeAsync(TestService service, (int All, int Bad) count)
    {
        await SloRecorderTests.ServeAsync(service, "/v1/ask", 200, count.All - count.Bad);
        await SloRecorderTests.ServeAsync(service, "/v1/ask", 500, count.Bad);
    }

    private static Task UsedAsync(TestService service, FakeTimeProvider time, int minute, (double Cpu, double Memory) use) =>
        service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(
            "INSERT INTO replica_minutes (minute, replica, cpu_share, memory_share) VALUES (@minute, 'r', @Cpu, @Memory)", new { minute = SloRecorder.Minute(time.GetUtcNow()) + minute, use.Cpu, use.Memory }, tx), Cancel);
}
