using Dapper;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Tests.Storage;

public sealed class ChangeLogOnSqlite() : ChangeLogTests(Engine.Sqlite);

public sealed class ChangeLogOnPostgres() : ChangeLogTests(Engine.Postgres);

public abstract class ChangeLogTests(Engine engine)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_follows_the_log_never_misses_a_change_of_many_writers()
    {
        const int Writers = 6, Each = 25;
        await using var service = await TestService.StartAsync(engine: engine);
        var (log, database) = (service.Get<ChangeLog>(), service.Get<Database>());
        long start = await log.LastAsync(Cancel);
        var written = Task.WhenAll(Enumerable.Range(0, Writers).Select(w => Task.Run(async () =>
        {
            for (int i = 0; i < Each; i++)
                await database.WriteAsync(async tx =>
                {
                    // Work before and a pause after: without an order of commits, a later position would be seen first.
                    await tx.Connection!.ExecuteAsync("SELECT 1", transaction: tx);
                    long seq = await log.AppendAsync(tx, ChangeKind.DocumentPut, $"w{w}", $"{w}-{i}", 1);
                    await Task.Delay(Random.Shared.Next(3), Cancel);
                    if (i % 10 == 9) throw new OperationCanceledException("rolled back");
                    return seq;
                }, Cancel).ContinueWith(t => t.IsCompletedSuccessfully, TaskScheduler.Default);
        }, Cancel)));
        var seen = new List<string>();
        long position = start;
        while (true)
        {
            bool last = written.IsCompleted;
            var batch = await log.ReadAsync(position, 1000, Cancel);
            seen.AddRange(batch.Select(c => c.DocumentId!));
            if (batch.Count > 0) position = batch[^1].Seq;
            else if (last) break;
        }
        await written;
        var there = (await log.ReadAsync(start, 1000, Cancel)).Select(c => c.DocumentId!).ToList();
        there.Count.ShouldBe(Writers * (Each - 2));
        seen.ShouldBe(there);
    }

    [Fact]
    public async Task Changes_that_are_appended_together_keep_their_order()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var log = service.Get<ChangeLog>();
        var changes = Enumerable.Range(0, 300).Select(i => new NewChange(ChangeKind.DocumentPut, "c", $"d{i}", i)).ToList();
        var seqs = await service.Get<Database>().WriteAsync(tx => log.AppendAsync(tx, changes), Cancel);
        seqs.Count.ShouldBe(300);
        (await log.ReadAsync(seqs[0] - 1, 300, Cancel)).Select(c => (c.Seq, c.DocumentId)).ShouldBe(seqs.Select((s, i) => (s, (string?)$"d{i}")));
    }

    [Fact]
    public async Task Concurrent_puts_of_the_same_documents_lose_none_and_number_each_version()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => service.TryPutAsync($"d{i % 4}.txt", $"Text {i} speaks of herons.")));
        for (int d = 0; d < 4; d++)
            (await service.Get<DocumentRecord>().FindByUriAsync((await service.CollectionAsync()).Id, $"d{d}.txt", Cancel))!.Version.ShouldBe(10);
        (await service.Get<Rag.Indexing.IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
    }

    [Fact]
    public async Task Text_with_characters_that_an_engine_refuses_is_cleaned_the_same_on_all()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var outcome = await service.PutAsync("odd.txt", "Herons\0 stand \ud800 in\u0001 shallow water.", metadata: new() { ["note"] = "a\0b\ud801c" });
        outcome.Status.ShouldBe(IngestOutcome.Created);
        string text = (await service.Get<DocumentRecord>().TextAsync(outcome.Id!, 1, Cancel)).ShouldNotBeNull();
        text.ShouldNotContain("\0");
        text.ShouldStartWith("Herons stand");
        (await service.SearchAsync("herons")).ShouldHaveSingleItem();
    }
}
