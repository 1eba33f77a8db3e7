using System.Text;
using Dapper;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Ingestion.Parsing;
using Rag.Storage;

namespace Rag.Tests.Ingestion;

public sealed class DocumentLifecycleOnSqlite() : DocumentLifecycleTests(Engine.Sqlite);

public sealed class DocumentLifecycleOnPostgres() : DocumentLifecycleTests(Engine.Postgres);

public abstract class DocumentLifecycleTests(Engine engine)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_same_file_again_is_skipped_and_a_changed_one_becomes_a_version()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var created = await service.PutAsync("a.txt", "The cache is cleared with rag cache clear.");
        (created.Status, created.Version).ShouldBe((IngestOutcome.Created, 1));
        var unchanged = await service.PutAsync("a.txt", "The cache is cleared with rag cache clear.");
        (unchanged.Status, unchanged.Id).ShouldBe((IngestOutcome.Unchanged, created.Id));
        var updated = await service.PutAsync("a.txt", "The cache is emptied by a restart.");
        (updated.Status, updated.Version, updated.Id).ShouldBe((IngestOutcome.Updated, 2, created.Id));

        (await service.SearchAsync("cleared")).ShouldBeEmpty();
        (await service.SearchAsync("emptied")).ShouldHaveSingleItem().Chunk.Version.ShouldBe(2);
        (await service.Get<DocumentRecord>().TextAsync(created.Id!, 1, Cancel)).ShouldBe("The cache is cleared with rag cache clear.");
    }

    [Fact]
    public async Task A_request_that_arrives_again_late_does_not_undo_what_was_written_since()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var first = await RecordAsync(service, "Herons are grey.", key: "request 1");
        (first.Status, first.Version).ShouldBe((IngestOutcome.Created, 1));
        (await RecordAsync(service, "Herons are white.", key: "request 2")).Version.ShouldBe(2);
        // Past the point where the record was looked at, as a replica that stood still goes on.
        var late = await RecordAsync(service, "Herons are grey.", key: "request 1");
        (late.Status, late.Version, late.Position).ShouldBe((first.Status, first.Version, first.Position));
        (await service.SearchAsync("herons")).ShouldHaveSingleItem().Chunk.Version.ShouldBe(2);
        // What is asked for anew is written anew.
        (await RecordAsync(service, "Herons are grey.", key: "request 3")).Version.ShouldBe(3);
    }

    [Fact]
    public async Task The_same_content_twice_at_a_time_is_one_version()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => RecordAsync(service, "Herons are grey.", key: i % 2 == 0 ? "request" : null)));
        outcomes.ShouldAllBe(o => o.Version == 1);
        outcomes.Count(o => o.Status == IngestOutcome.Unchanged).ShouldBeGreaterThan(0);
        (await service.Get<ChangeLog>().ReadAsync(0, 100, Cancel)).Count(c => c.Kind == ChangeKind.DocumentPut).ShouldBe(1);
    }

    /// <summary>Records a text without first looking at what the record holds.</summary>
    private static async Task<IngestOutcome> RecordAsync(TestService service, string text, string? key)
    {
        var file = new IncomingFile("a.txt", Encoding.UTF8.GetBytes(text), Key: key);
        var parsed = await service.Get<DocumentParser>().ParseAsync(file.Uri, file.Content, FileTypes.Detect(file.Uri, file.Content.Span), Cancel);
        var outcome = await service.Get<Ingestor>().RecordAsync(await service.CollectionAsync(), file, Sha256.Hex(file.Content.Span), parsed, Cancel);
        await service.SettleAsync();
        return outcome;
    }

    [Fact]
    public async Task A_refused_file_leaves_what_was_there_in_place()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.PutAsync("a.txt", "Replication needs two nodes.");
        var refused = await service.TryPutAsync("a.txt", "   ");
        (refused.Status, refused.Reason).ShouldBe((IngestOutcome.Failed, "empty"));
        (await service.SearchAsync("replication")).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_deleted_document_leaves_nothing_behind_on_disk()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        for (int i = 0; i < 20; i++) await service.PutAsync($"other{i}.txt", $"Document {i} speaks of ordinary things that everybody keeps.");
        await service.PutAsync("secret.txt", "The zyxwvutsrq protocol is named quuxfrobnicator by its makers.");
        await service.PutAsync("secret.txt", "The zyxwvutsrq protocol was renamed plughxyzzy by its makers.");
        var answer = await service.AskAsync("What is the zyxwvutsrq protocol named?");
        answer.Sources.ShouldNotBeEmpty();
        byte[] vector = await VectorAsync(service, "secret.txt");
        Traces(service.Data, "zyxwvutsrq").ShouldNotBeEmpty();

        await service.DeleteAsync("secret.txt");
        (await service.SearchAsync("zyxwvutsrq protocol")).ShouldAllBe(f => f.Chunk.Uri != "secret.txt");
        (await service.AskAsync("What is the zyxwvutsrq protocol named?")).Sources.ShouldAllBe(s => s.Uri != "secret.txt");

        // The indexer rewrites segments and journals when it is idle. The question itself, as asked, is the asker's.
        string[] gone = ["quuxfrobnicator", "plughxyzzy", "renamed"];
        await EventuallyAsync(() => gone.All(word => Traces(service.Data, word).Count == 0));
        foreach (string word in gone) Traces(service.Data, word).ShouldBeEmpty();
        Directory.EnumerateFiles(service.Data, "vectors.bin", SearchOption.AllDirectories).Any(f => Read(f).AsSpan().IndexOf(vector.AsSpan(0, 64)) >= 0).ShouldBeFalse();
    }

    [Fact]
    public async Task A_deleted_collection_leaves_nothing_behind_on_disk()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.PutAsync("a.txt", "The zyxwvutsrq protocol stays.");
        await service.PutAsync("b.txt", "The quuxfrobnicator goes.", collection: "other");
        await service.Get<Collections>().DeleteAsync("other", Cancel);
        await service.SettleAsync();
        await EventuallyAsync(() => Traces(service.Data, "quuxfrobnicator").Count == 0);
        Traces(service.Data, "quuxfrobnicator").ShouldBeEmpty();
        Traces(service.Data, "zyxwvutsrq").ShouldNotBeEmpty();
        (await Should.ThrowAsync<RagException>(() => service.AskAsync("What goes?", collection: "other"))).Kind.ShouldBe(ErrorKind.NotFound);
    }

    [Fact]
    public async Task Vectors_of_passages_that_stay_are_used_again()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("a.md", "# One\n\nThe first section stays.\n\n# Two\n\nThe second section changes.");
        await service.PutAsync("a.md", "# One\n\nThe first section stays.\n\n# Two\n\nThe second section has changed.");
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        (await connection.QuerySingleAsync<(long, long)>("SELECT COUNT(*), COUNT(vector) FROM chunks")).ShouldBe((2, 2));
        (await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM change_log WHERE kind = 'document.embedded'")).ShouldBe(2);
    }

    [Fact]
    public async Task Old_versions_are_kept_up_to_the_bound()
    {
        await using var service = await TestService.StartAsync(engine: engine, settings: new() { ["Ingestion:KeepVersions"] = "2" });
        for (int i = 1; i <= 5; i++) await service.PutAsync("a.txt", $"Version number {i} of the text.");
        string id = (await service.PutAsync("a.txt", "Version number 5 of the text.")).Id!;
        (await service.Get<DocumentRecord>().VersionsAsync(id, Cancel)).Select(v => v.Version).ShouldBe([5, 4]);
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_when_the_record_is_opened_again()
    {
        await using var record = await TestRecord.CreateAsync(engine);
        string data = Directory.CreateTempSubdirectory("rag-test-").FullName;
        try
        {
            await using (var service = await TestService.StartAsync(engine: engine, data: data, record: record))
                await Parallel.ForAsync(0, 50, Cancel, async (i, _) => await service.PutAsync($"d{i}.txt", $"Document number {i} is about topic{i}."));
            await using var again = await TestService.StartAsync(engine: engine, data: data, record: record);
            (await again.Get<DocumentRecord>().CountAsync(null, Cancel)).Documents.ShouldBe(50);
            for (int i = 0; i < 50; i++) (await again.SearchAsync($"topic{i}")).ShouldHaveSingleItem().Chunk.Uri.ShouldBe($"d{i}.txt");
            (await again.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task Two_processes_cannot_hold_one_data_directory()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var e = await Should.ThrowAsync<RagException>(() => TestService.StartAsync(engine: engine, data: service.Data));
        e.Kind.ShouldBe(ErrorKind.Conflict);
        e.Message.ShouldContain("in use by another process");
    }

    [Fact]
    public async Task An_archive_is_taken_apart_and_a_bad_entry_does_not_stop_the_others()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        using var zip = new MemoryStream();
        using (var archive = new System.IO.Compression.ZipArchive(zip, System.IO.Compression.ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, text) in new[] { ("good.txt", "A good file speaks of herons."), ("empty.txt", ""), ("folder/also.txt", "Another speaks of egrets.") })
            {
                await using var entry = new StreamWriter(archive.CreateEntry(name).Open());
                await entry.WriteAsync(text);
            }
        }
        var outcomes = new List<IngestOutcome>();
        await foreach (var o in service.Get<Ingestor>().IngestAsync(await service.CollectionAsync(), new("birds.zip", zip.ToArray()), Cancel)) outcomes.Add(o);
        await service.SettleAsync();
        outcomes.Select(o => (o.Uri, o.Status)).ShouldBe([("birds.zip!/good.txt", "created"), ("birds.zip!/empty.txt", "failed"), ("birds.zip!/folder/also.txt", "created")]);
        (await service.SearchAsync("egrets")).ShouldHaveSingleItem();
    }

    private static async Task<byte[]> VectorAsync(TestService service, string uri)
    {
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        return (await connection.QuerySingleAsync<byte[]>("SELECT c.vector FROM chunks c JOIN documents d ON d.version_no = c.version_no WHERE d.uri = @uri", new { uri })).ShouldNotBeNull();
    }

    private static async Task EventuallyAsync(Func<bool> condition)
    {
        for (int i = 0; i < 200 && !condition(); i++) await Task.Delay(50, Cancel);
    }

    private static List<string> Traces(string directory, string word)
    {
        byte[] needle = Encoding.UTF8.GetBytes(word);
        return Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Where(f => Read(f).AsSpan().IndexOf(needle) >= 0).ToList();
    }

    private static byte[] Read(string file)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            return copy.ToArray();
        }
        catch (IOException)
        {
            // The lock file, or a segment that was merged away meanwhile.
            return [];
        }
    }
}
