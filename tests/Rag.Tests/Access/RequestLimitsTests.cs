using Microsoft.Extensions.Time.Testing;
using Rag.Access;
using Rag.Foundation;
using static Rag.Tests.TestService;

namespace Rag.Tests.Access;

public sealed class RequestLimitsTests
{
    public static TheoryData<Engine> Engines => new(Engine.Sqlite, Engine.Postgres);

    [Fact]
    public async Task A_burst_is_let_through_and_the_rest_is_told_when_to_come_back()
    {
        await using var service = await AccessTestService.StartAsync(Engine.Sqlite, null, null, ("Access:Limits:PerMinute", "6"), ("Access:Limits:Burst", "3"));
        var limits = service.Get<RequestLimits>();
        var (alice, bob) = (Who("alice"), Who("bob"));
        for (int i = 0; i < 3; i++) limits.Caller(alice, null);
        var refused = Should.Throw<RagException>(() => limits.Caller(alice, null));
        refused.Kind.ShouldBe(ErrorKind.TooMany);
        refused.RetryAfterSeconds!.Value.ShouldBeInRange(1, 10);
        limits.Caller(bob, null);
    }

    [Fact]
    public async Task Wrong_keys_of_one_address_are_limited_and_an_ipv6_network_is_one_address()
    {
        await using var service = await AccessTestService.StartAsync(Engine.Sqlite, null, null, ("Access:Limits:FailuresPerMinute", "2"));
        var limits = service.Get<RequestLimits>();
        for (int i = 0; i < 2; i++) limits.Failure(System.Net.IPAddress.Parse("2001:db8:1:2::" + i));
        Should.Throw<RagException>(() => limits.Failure(System.Net.IPAddress.Parse("2001:db8:1:2:ffff::1"))).Kind.ShouldBe(ErrorKind.TooMany);
        limits.Failure(System.Net.IPAddress.Parse("2001:db8:1:3::1"));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_days_questions_are_counted_over_restarts_and_begin_anew_at_midnight(Engine engine)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 22, 0, 0, TimeSpan.Zero));
        string data = Directory.CreateTempSubdirectory("rag-quota-").FullName;
        await using var record = await TestRecord.CreateAsync(engine);
        try
        {
            await using (var before = await StartAsync())
            {
                for (int i = 0; i < 2; i++) before.Get<RequestLimits>().Question(Who("alice"), null);
                await before.Get<RequestLimits>().FlushAsync(Cancel);
            }
            await using var service = await StartAsync();
            var limits = service.Get<RequestLimits>();
            limits.Question(Who("alice"), null);
            await limits.FlushAsync(Cancel);
            var refused = Should.Throw<RagException>(() => limits.Question(Who("alice"), null));
            refused.RetryAfterSeconds.ShouldBe(7_201);
            limits.Question(Who("bob"), null);
            time.Advance(TimeSpan.FromHours(2));
            limits.Question(Who("alice"), null);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }

        Task<TestService> StartAsync() => TestService.StartAsync(engine: engine, record: record, data: data, time: time, settings: new() { ["Access:Mode"] = "keys", ["Access:Limits:QuestionsPerDay"] = "3" });
    }

    private static Caller Who(string name) => new("user", name, name, null, [new(Role.Reader, null)], []);
}
