using Dapper;
using Rag.Access;
using Rag.Answering;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Storage;
using Rag.Testing;
using Rag.Tests.Caching;
using static Rag.Tests.Callers;

namespace Rag.Tests.Retrieval;

/// <summary>What was taken away is shown by no replica, and by no cache that they share.</summary>
[Collection(RedisCollection.Name)]
public sealed class PermissionReplicaTests
{
    private const string Salaries = "The salaries of the directors were raised by twelve percent in March.";
    private const string Question = "By how much were the salaries of the directors raised?";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Engine.Postgres)]
    [InlineData(Engine.Pgvector)]
    public async Task What_one_replica_takes_away_no_other_shows_when_the_call_returns(Engine engine)
    {
        RedisCacheTests.Need();
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var record = await TestRecord.CreateAsync(engine);
        await using var one = await StartAsync(record, redis, engine);
        await using var two = await StartAsync(record, redis, engine);
        string id = (await one.PutAsync("salaries.txt", Salaries)).Id!;
        await two.SettleAsync();
        int cached = 0;
        for (int round = 0; round < 6; round++)
        {
            await As(Reader(), () => AskAsync(one));
            // Time for Redis, so that the other replica has the answer from there.
            await Task.Delay(50, Cancel);
            var before = await As(Reader(), () => AskAsync(two));
            before.Text.ShouldBe(Salaries);
            if (before.Cached) cached++;
            (await PermitAsync(one, id, "finance")).Everywhere.ShouldBeTrue();
            foreach (var replica in new[] { two, one })
            {
                (await As(Reader(), () => AskAsync(replica))).Text.ShouldBe(Answer.AbstainedText);
                (await As(Reader("finance"), () => AskAsync(replica))).Text.ShouldBe(Salaries);
            }
            (await PermitAsync(two, id)).Everywhere.ShouldBeTrue();
        }
        cached.ShouldBeGreaterThan(0, "nothing was kept, which proves nothing");
    }

    [Fact]
    public async Task A_replica_that_does_not_follow_is_named_and_the_change_holds_all_the_same()
    {
        await using var service = await TestService.StartAsync(engine: Engine.Postgres);
        string id = (await service.PutAsync("salaries.txt", Salaries)).Id!;
        await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(
            "INSERT INTO followers (id, subject, name, position, seen_at) VALUES ('still', 'index', 'replica-9', 1, @now), ('gone', 'index', 'replica-8', 1, 0)", new { now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() * 1000 }, tx), Cancel);
        var effect = await PermitAsync(service, id, "finance");
        effect.Waiting.ShouldBe(["replica-9"]);
        (await As(Reader(), () => AskAsync(service))).Text.ShouldBe(Answer.AbstainedText);
    }

    [Fact]
    public async Task A_replica_that_was_away_answers_nothing_before_it_knows_what_was_taken_away_meanwhile()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        string data = Directory.CreateTempSubdirectory("rag-test-").FullName;
        try
        {
            await using var one = await TestService.StartAsync(engine: Engine.Postgres, record: record);
            string id;
            await using (var two = await TestService.StartAsync(engine: Engine.Postgres, record: record, data: data))
            {
                id = (await one.PutAsync("salaries.txt", Salaries)).Id!;
                await two.SettleAsync();
                (await As(Reader(), () => AskAsync(two))).Text.ShouldBe(Salaries);
            }
            // Whoever stopped in order is not waited for.
            (await PermitAsync(one, id, "finance")).Everywhere.ShouldBeTrue();
            await using var again = await TestService.StartAsync(engine: Engine.Postgres, record: record, data: data);
            (await As(Reader(), () => AskAsync(again))).Text.ShouldBe(Answer.AbstainedText);
            await using var connection = await again.Get<Database>().OpenAsync(Cancel);
            (await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM followers WHERE subject = 'index'")).ShouldBe(2);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static Task<TestService> StartAsync(TestRecord record, RedisServer redis, Engine engine) =>
        TestService.StartAsync(engine: engine, record: record, settings: new() { ["Caching:Redis:Endpoints"] = redis.Endpoint });

    private static Task<Answer> AskAsync(TestService service) => service.AskAsync(Question, options: new("lexical"));

    private static async Task<Spread> PermitAsync(TestService service, string id, params string[] groups)
    {
        var library = service.Get<Library>();
        var collection = await library.GetAsync(Collections.Default, Cancel);
        return await library.PermitAsync(collection, await library.GetAsync(collection, id, Cancel), groups, Cancel);
    }
}
