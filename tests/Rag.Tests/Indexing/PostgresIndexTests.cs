using Dapper;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;
using Rag.Storage;
using Rag.Testing;

namespace Rag.Tests.Indexing;

/// <summary>What holds of the index in the database beyond what holds of every index.</summary>
public sealed class PostgresIndexTests
{
    private static readonly string[] Words = ["heron", "water", "bird", "stone", "river", "white", "grey", "nest", "egg", "fish", "it's", "back\\slash"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Both_engines_give_the_same_chunks_the_same_scores()
    {
        await using var here = await TestService.StartAsync(model: true);
        await using var there = await TestService.StartAsync(model: true, engine: Engine.Pgvector);
        var random = new Random(11);
        for (int i = 0; i < 60; i++)
        {
            // One word a hundred times: beyond what a filter by its presence would tell.
            string text = i == 7 ? string.Join(' ', Enumerable.Repeat("heron", 100)) : string.Join(' ', Enumerable.Range(0, random.Next(3, 60)).Select(_ => Words[random.Next(Words.Length)]));
            foreach (var service in new[] { here, there })
                await foreach (var _ in service.Get<Ingestor>().IngestAsync(await service.CollectionAsync(), new($"d{i}.txt", System.Text.Encoding.UTF8.GetBytes(text), Metadata: new Dictionary<string, string> { ["half"] = i % 2 == 0 ? "0" : "1" }), Cancel)) { }
        }
        foreach (var service in new[] { here, there }) await service.SettleAsync();
        // The local index counts replaced chunks until they are merged away; a new one has none.
        await here.Get<IIndexer>().RebuildAsync(await here.CollectionAsync(), null, Cancel);
        foreach (var mode in Enum.GetValues<RetrievalMode>())
        {
            foreach (string query in new[] { "heron", "white egg in the river", "it's a back\\slash", "fish nest stone grey bird heron", "nothing of the kind", "waters" })
            {
                foreach (var filter in new[] { null, new Dictionary<string, string> { ["half"] = "1" } })
                {
                    var local = await here.SearchAsync(query, mode, 20, filter);
                    var shared = await there.SearchAsync(query, mode, 20, filter);
                    shared.Count.ShouldBe(local.Count, query);
                    for (int i = 0; i < local.Count; i++)
                    {
                        shared[i].Score.ShouldBe(local[i].Score, 0.0005, $"{mode}: {query}");
                        var twin = shared.Where(s => s.Chunk.Uri == local[i].Chunk.Uri).ToList();
                        // Where two score alike to the fourth digit, their order may differ, at the end of the list too.
                        if (twin.Count == 0) shared[^1].Score.ShouldBe(local[i].Score, 0.0005, $"{mode}: {query}");
                        else twin.ShouldHaveSingleItem().Coverage.ShouldBe(local[i].Coverage, 1e-5f, $"{mode}: {query}");
                    }
                }
            }
        }
    }

    [Fact]
    public async Task A_deleted_document_leaves_no_row_and_no_word_behind()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Pgvector);
        await using var service = await TestService.StartAsync(engine: Engine.Pgvector, record: record);
        await service.PutAsync("keep.txt", "The zyxwvutsrq protocol stays.");
        await service.PutAsync("secret.txt", "The quuxfrobnicator goes.");
        await service.PutAsync("secret.txt", "The plughxyzzy goes.");
        await service.PutAsync("gone.txt", "The thudwaldo goes.", collection: "other");
        (await TracesAsync(service, "quuxfrobnicator")).ShouldBe(0);
        (await TracesAsync(service, "plughxyzzi")).ShouldBeGreaterThan(0);
        await service.DeleteAsync("secret.txt");
        await service.Get<Collections>().DeleteAsync("other", Cancel);
        await service.SettleAsync();
        for (int i = 0; i < 200 && await TablesAsync(service) > 2; i++) await Task.Delay(50, Cancel);
        (await TablesAsync(service)).ShouldBe(2);
        foreach (string word in new[] { "plughxyzzy", "plughxyzzi", "thudwaldo" }) (await TracesAsync(service, word)).ShouldBe(0, word);
        (await TracesAsync(service, "zyxwvutsrq")).ShouldBeGreaterThan(0);
        (await service.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
    }

    [Fact]
    public async Task Two_replicas_share_one_index_and_each_reads_what_the_other_wrote()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Pgvector);
        await using var one = await TestService.StartAsync(engine: Engine.Pgvector, record: record);
        await using var two = await TestService.StartAsync(engine: Engine.Pgvector, record: record);
        for (int i = 0; i < 10; i++)
        {
            var (writer, reader) = i % 2 == 0 ? (one, two) : (two, one);
            var written = await writer.PutAsync($"d{i}.txt", $"Herons of kind{i} stand in shallow water.");
            await reader.Get<IIndexer>().WaitForAsync(written.Position!.Value, TimeSpan.FromSeconds(20), Cancel);
            (await reader.SearchAsync($"kind{i}")).ShouldHaveSingleItem().Chunk.Uri.ShouldBe($"d{i}.txt");
        }
        var report = await two.Get<IndexVerifier>().VerifyAsync(Cancel);
        report.Clean.ShouldBeTrue(string.Join('\n', report.Collections.SelectMany(c => c.Problems)));
        report.Collections.ShouldHaveSingleItem().IndexChunks.ShouldBe(10);
        // A document that is deleted on one leaves the answers of the other.
        (await two.AskAsync("Where do herons of kind3 stand?")).Sources.ShouldNotBeEmpty();
        await one.DeleteAsync("d3.txt");
        await two.SettleAsync();
        (await two.AskAsync("Where do herons of kind3 stand?")).Sources.ShouldAllBe(s => s.Uri != "d3.txt");
    }

    [Fact]
    public async Task Another_model_builds_the_index_anew()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Pgvector);
        await using (var service = await TestService.StartAsync(engine: Engine.Pgvector, record: record)) await service.PutAsync("a.txt", "Herons stand in shallow water.");
        await using (var withModel = await TestService.StartAsync(engine: Engine.Pgvector, record: record, model: true))
        {
            await withModel.SettleAsync();
            (await withModel.SearchAsync("wading bird", RetrievalMode.Dense)).ShouldHaveSingleItem().Cosine.ShouldBeGreaterThan(0.2f);
            (await withModel.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
        }
        // A replica without the model finds by words, and keeps the vectors that are there.
        await using var without = await TestService.StartAsync(engine: Engine.Pgvector, record: record);
        (await without.SearchAsync("herons")).ShouldHaveSingleItem();
        (await without.Get<IndexVerifier>().VerifyAsync(Cancel)).Collections.ShouldHaveSingleItem().IndexVectors.ShouldBe(1);
    }

    [Fact]
    public async Task A_wrong_count_of_a_word_is_seen_and_mended()
    {
        await using var service = await TestService.StartAsync(engine: Engine.Pgvector);
        await service.PutAsync("a.txt", "Herons stand in shallow water.");
        string table = service.Get<Rag.Indexing.Postgres.PostgresIndexer>().Known.Single().TermsTable;
        await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync($"UPDATE {table} SET chunks = 5 WHERE term = 'heron'", transaction: tx), Cancel);
        (await service.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeFalse();
        await service.Get<IIndexer>().RebuildAsync(await service.CollectionAsync(), null, Cancel);
        (await service.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
    }

    [Fact]
    public async Task A_server_without_pgvector_is_refused_at_the_start_with_the_remedy()
    {
        await using var record = await TestRecord.CreateAsync(Engine.Postgres);
        var e = await Should.ThrowAsync<RagException>(() => TestService.StartAsync(engine: Engine.Postgres, record: record, settings: new() { ["Indexing:Engine"] = "postgres" }));
        e.Message.ShouldContain("no pgvector");
        e.Remedy.ShouldContain("Indexing:Engine");
    }

    [Fact]
    public async Task The_engine_needs_the_record_on_postgres()
    {
        var e = await Should.ThrowAsync<ConfigurationException>(() => TestService.StartAsync(settings: new() { ["Indexing:Engine"] = "postgres" }));
        e.Errors.ShouldHaveSingleItem().Key.ShouldBe("Indexing:Engine");
    }

    [Fact]
    public async Task Without_the_database_a_replica_says_that_it_cannot_answer_and_comes_back()
    {
        TestRecord.RequirePgvector();
        await using var pglite = await PgliteServer.StartAsync(Cancel);
        await using var service = await TestService.StartAsync(settings: TestRecord.SettingsOf(pglite));
        await service.PutAsync("a.txt", "Herons stand in shallow water.");
        service.Get<IIndexer>().CanAnswer.ShouldBeTrue();
        await pglite.SignalAsync("STOP", Cancel);
        for (int i = 0; i < 400 && service.Get<IIndexer>().CanAnswer; i++) await Task.Delay(50, Cancel);
        service.Get<IIndexer>().CanAnswer.ShouldBeFalse();
        await pglite.SignalAsync("CONT", Cancel);
        for (int i = 0; i < 600 && !service.Get<IIndexer>().CanAnswer; i++) await Task.Delay(50, Cancel);
        service.Get<IIndexer>().CanAnswer.ShouldBeTrue();
        (await service.SearchAsync("herons")).ShouldHaveSingleItem();
    }

    private static async Task<long> TablesAsync(TestService service)
    {
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        return await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM pg_class WHERE relkind = 'r' AND relname ~ '^search_(chunks|terms)_'");
    }

    /// <summary>Rows of the index's tables that hold a word, in whatever column.</summary>
    private static async Task<long> TracesAsync(TestService service, string word)
    {
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        long rows = 0;
        foreach (string table in (await connection.QueryAsync<string>("SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname ~ '^search_'")).AsList())
            rows += await connection.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM {table} t WHERE t::text LIKE @like OR t::text LIKE @bytes", new { like = $"%{word}%", bytes = $"%{Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(word))}%" });
        return rows;
    }
}
