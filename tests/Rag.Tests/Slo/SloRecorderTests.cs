using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Rag.Caching;
using Rag.Foundation;
using Rag.Maintenance.Retention;
using Rag.Slo;
using Rag.Storage;
using Rag.Storage.Leadership;
using Rag.Telemetry;

namespace Rag.Tests.Slo;

public sealed class SloOnSqlite() : SloRecorderTests(Engine.Sqlite);

public sealed class SloOnPostgres() : SloRecorderTests(Engine.Postgres)
{
    [Fact]
    public async Task What_several_replicas_serve_is_summed()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        await using var one = await TestService.StartAsync(engine: Engine.Postgres, record: record);
        await using var two = await TestService.StartAsync(engine: Engine.Postgres, record: record);
        await Task.WhenAll(ServeAsync(one, "/v1/ask", 200, 30), ServeAsync(two, "/v1/ask", 500, 10));
        await Task.WhenAll(one.Get<SloRecorder>().FlushAsync(Cancel), two.Get<SloRecorder>().FlushAsync(Cancel));
        foreach (var service in (TestService[])[one, two])
        {
            var availability = Of(await service.Get<SloReport>().StatusAsync(Cancel), Objectives.Availability);
            (availability.Good, availability.Total).ShouldBe((30, 40));
        }
    }
}

public abstract class SloRecorderTests(Engine engine)
{
    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Objectives_are_attained_by_counts_of_events()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await ServeAsync(service, "/v1/ask", 200, 996);
        await ServeAsync(service, "/v1/ask", 503, 4);
        // Neither monitors nor what is refused for the caller's own fault count against anybody.
        await ServeAsync(service, "/readyz", 503, 500);
        await ServeAsync(service, "/v1/collections", 404, 1_000);
        var status = await service.Get<SloReport>().StatusAsync(Cancel);

        var availability = Of(status, Objectives.Availability);
        (availability.Good, availability.Total, availability.Attained, availability.Holds).ShouldBe((996, 1_000, 0.996, false));
        // Four times the budget of 0.1 % is used.
        (availability.BudgetLeft, availability.BurnRates["1h"], availability.BurnRates["3d"]).ShouldBe((-3, 4, 4));
        var errors = Of(status, Objectives.Errors);
        (errors.Good, errors.Total).ShouldBe((1_996, 2_000));
        var latency = Of(status, Objectives.Latency);
        (latency.Good, latency.Total, latency.Holds).ShouldBe((1_000, 1_000, true));
        Of(status, Objectives.Cache).Attained.ShouldBeNull();
    }

    [Fact]
    public async Task A_question_that_either_layer_answers_is_one_hit()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.PutAsync("a.txt", "Herons stand in shallow water.");
        await service.AskAsync("Where do herons stand?");
        await service.AskAsync("Where do herons stand?");
        // At another position the evidence is the same.
        await service.PutAsync("b.txt", "Quarterly figures are kept in a ledger.");
        await service.AskAsync("Where do herons stand?");
        var cache = Of(await service.Get<SloReport>().StatusAsync(Cancel), Objectives.Cache);
        (cache.Good, cache.Total).ShouldBe((2, 3));
    }

    [Fact]
    public async Task What_is_served_while_the_record_is_away_follows_later_in_its_own_minute()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 30, TimeSpan.Zero));
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        var state = service.Get<RecordState>();
        await service.Get<SloRecorder>().FlushAsync(Cancel);
        state.Postponed = new RagException(ErrorKind.Unavailable, "away", "wait");
        await ServeAsync(service, "/v1/ask", 200, 7);
        await service.Get<SloRecorder>().FlushAsync(Cancel);
        time.Advance(TimeSpan.FromMinutes(5));
        await service.Get<SloRecorder>().FlushAsync(Cancel);
        (await RowsAsync(service)).ShouldBeEmpty();
        state.Postponed = null;
        await service.Get<SloRecorder>().FlushAsync(Cancel);
        await service.Get<SloRecorder>().FlushAsync(Cancel);
        (await RowsAsync(service)).Where(r => r.Objective == "latency").ShouldBe([(SloRecorder.Minute(time.GetUtcNow()) - 5, "latency", 7, 7)]);
    }

    [Fact]
    public async Task What_is_older_than_its_retention_is_removed_and_no_younger_row_is()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        await ServeAsync(service, "/v1/ask", 200, 1);
        await service.Get<SloRecorder>().FlushAsync(Cancel);
        time.Advance(TimeSpan.FromDays(89));
        await ServeAsync(service, "/v1/ask", 200, 1);
        await service.Get<SloRecorder>().FlushAsync(Cancel);
        await RemoveAsync();
        (await RowsAsync(service)).Count(r => r.Objective == "latency").ShouldBe(2);
        time.Advance(TimeSpan.FromDays(2));
        await RemoveAsync();
        (await RowsAsync(service)).Count(r => r.Objective == "latency").ShouldBe(1);

        async Task RemoveAsync() => await service.Get<RetentionKeeper>().RunAsync(new("run", await TermAsync(service)), Cancel);
    }

    [Fact]
    public async Task The_probe_is_counted_by_itself_and_only_with_its_key()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var metrics = service.Get<HttpMetrics>();
        await ServeAsync(service, "/v1/search", 200, 1, probeKey: metrics.ProbeKey);
        metrics.Served.Requests.ShouldBe(0);
        await ServeAsync(service, "/v1/search", 200, 1, probeKey: "guessed");
        metrics.Served.ShouldBe(new(Requests: 1, Failed: 0, Questions: 1, FailedQuestions: 0, FastQuestions: 1));
    }

    [Fact]
    public async Task The_checklist_measures_each_line_and_says_what_to_do()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        var empty = await service.Get<Checklist>().RunAsync(Cancel);
        empty.Lines.Count.ShouldBe(9);
        empty.Lines.Where(l => l.Line.StartsWith("Cache", StringComparison.Ordinal) || l.Line.StartsWith("CPU", StringComparison.Ordinal)).ShouldAllBe(l => l.Result == Checklist.Unknown);

        await ServeAsync(service, "/v1/ask", 200, 150);
        await ServeAsync(service, "/v1/ask", 500, 50);
        await service.Get<SloRecorder>().FlushAsync(Cancel);
        await UsedAsync(service, time, minutes: 6, cpu: 0.9, memory: 0.85);
        var report = await service.Get<Checklist>().RunAsync(Cancel);
        report.Passes.ShouldBeFalse();
        Line("Response time").ShouldBe((Checklist.Pass, false));
        Line("Error rate").ShouldBe((Checklist.Fail, true));
        Line("CPU usage").ShouldBe((Checklist.Fail, true));
        Line("Memory usage").ShouldBe((Checklist.Fail, true));
        Line("Scale up").ShouldBe((Checklist.Fail, true));
        Line("Scale down").ShouldBe((Checklist.Pass, false));
        Line("Always maintain").Result.ShouldBe(engine == Engine.Sqlite ? Checklist.NotApplicable : Checklist.Fail);

        // One cool minute among the last five.
        time.Advance(TimeSpan.FromMinutes(1));
        await UsedAsync(service, time, minutes: 1, cpu: 0.2, memory: 0.2);
        report = await service.Get<Checklist>().RunAsync(Cancel);
        Line("Scale up").Result.ShouldBe(Checklist.Pass);

        (string Result, bool HasNext) Line(string start)
        {
            var line = report.Lines.Single(l => l.Line.StartsWith(start, StringComparison.Ordinal));
            return (line.Result, line.Next is not null);
        }
    }

    [Fact]
    public void Burn_rates_that_cannot_be_reached_are_not_asked_for()
    {
        Objectives.BurnRatesOf(Objectives.Availability).Select(b => b.Factor).ShouldBe([14.4, 6, 3, 1]);
        Objectives.BurnRatesOf(Objectives.Latency).Select(b => b.Factor).ShouldBe([14.4, 6, 3, 1]);
        Objectives.BurnRatesOf(Objectives.Cache).ShouldBeEmpty();
        // With one in ten allowed to be bad, all being bad burns ten times too fast and no faster.
        Objectives.BurnRatesOf(Objectives.Availability with { Target = 0.9 }).Select(b => b.Factor).ShouldBe([6, 3, 1]);
    }

    internal static ObjectiveStatus Of(SloStatus status, Objective objective) => status.Objectives.Single(o => o.Name == objective.Name);

    /// <summary>Sends so many requests through what measures them.</summary>
    internal static async Task ServeAsync(TestService service, string route, int status, int count, string? probeKey = null)
    {
        var app = new ApplicationBuilder(new ServiceCollection().BuildServiceProvider());
        HttpMetrics.Use(app, service.Get<HttpMetrics>());
        app.Run(context =>
        {
            context.Response.StatusCode = status;
            return Task.CompletedTask;
        });
        var pipeline = app.Build();
        for (int i = 0; i < count; i++)
        {
            var context = new DefaultHttpContext();
            context.Request.Method = "POST";
            context.SetEndpoint(new RouteEndpoint(_ => Task.CompletedTask, RoutePatternFactory.Parse(route), 0, null, null));
            if (probeKey is not null) context.Request.Headers[HttpMetrics.ProbeHeader] = probeKey;
            await pipeline(context);
        }
    }

    private static async Task<LeaderTerm> TermAsync(TestService service)
    {
        var leader = service.Get<Leader>();
        await leader.RenewAsync(Cancel);
        return leader.Term.ShouldNotBeNull();
    }

    private static async Task<List<(long Minute, string Objective, long Good, long Total)>> RowsAsync(TestService service)
    {
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        return (await connection.QueryAsync<(long, string, long, long)>("SELECT minute, objective, good, total FROM slo_minutes ORDER BY minute, objective")).AsList();
    }

    /// <summary>What one replica used in the minutes up to now.</summary>
    private static async Task UsedAsync(TestService service, FakeTimeProvider time, int minutes, double cpu, double memory)
    {
        long now = SloRecorder.Minute(time.GetUtcNow());
        for (int i = 1; i <= minutes; i++)
            await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(
                "INSERT INTO replica_minutes (minute, replica, cpu_share, memory_share) VALUES (@minute, 'r', @cpu, @memory)", new { minute = now - i, cpu, memory }, tx), Cancel);
    }
}
