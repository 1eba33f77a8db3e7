using Dapper;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Tests.Indexing;

public sealed class IndexerOnSqlite() : IndexerTests(Engine.Sqlite);

public sealed class IndexerOnPostgres() : IndexerTests(Engine.Postgres);

public sealed class IndexerOnPgvector() : IndexerTests(Engine.Pgvector);

public abstract class IndexerTests(Engine engine)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Verification_sees_what_differs_from_the_record()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.PutAsync("a.txt", "Herons stand in shallow water.");
        await service.PutAsync("b.txt", "Egrets are white.");
        await service.Get<Database>().WriteAsync(async tx =>
        {
            await tx.Connection!.ExecuteAsync("UPDATE chunks SET hash = 'ff' || substr(hash, 3) WHERE version_no = (SELECT version_no FROM documents WHERE uri = 'a.txt')", transaction: tx);
            await tx.Connection!.ExecuteAsync("DELETE FROM chunks WHERE version_no = (SELECT version_no FROM documents WHERE uri = 'b.txt')", transaction: tx);
        }, Cancel);
        var report = await service.Get<IndexVerifier>().VerifyAsync(Cancel);
        report.Clean.ShouldBeFalse();
        var problems = report.Collections.ShouldHaveSingleItem().Problems;
        problems.ShouldContain(p => p.Contains("a.txt") && p.Contains("differs"));
        problems.ShouldContain(p => p.Contains("which the record does not"));

        await service.Get<IIndexer>().RebuildAsync(await service.CollectionAsync(), null, Cancel);
        (await service.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
    }

    [Fact]
    public async Task A_rebuild_keeps_answers_coming_and_ends_where_the_record_is()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        for (int i = 0; i < 100; i++) await service.PutAsync($"d{i}.txt", $"Herons of kind{i} stand in shallow water.");
        var rebuild = service.Get<IIndexer>().RebuildAsync(await service.CollectionAsync(), null, Cancel);
        while (!rebuild.IsCompleted) (await service.SearchAsync("herons", count: 100)).Count.ShouldBe(100);
        await rebuild;
        await service.PutAsync("later.txt", "Egrets came later.");
        (await service.SearchAsync("egrets")).ShouldHaveSingleItem();
        (await service.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
    }

    [Fact]
    public async Task A_collection_is_searched_in_its_own_language()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.CollectionAsync("deutsch", "german");
        await service.PutAsync("a.txt", "Die Häuser stehen am Fluss.", collection: "deutsch");
        (await service.SearchAsync("haus", collection: "deutsch")).ShouldHaveSingleItem();
        await service.CollectionAsync("deutsch", "none");
        await service.SettleAsync();
        (await service.SearchAsync("haus", collection: "deutsch")).ShouldBeEmpty();
        (await service.SearchAsync("häuser", collection: "deutsch")).ShouldHaveSingleItem();
    }
}
