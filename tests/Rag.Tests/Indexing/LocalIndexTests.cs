using Rag.Indexing;

namespace Rag.Tests.Indexing;

public sealed class LocalIndexOnSqlite() : LocalIndexTests(Engine.Sqlite);

public sealed class LocalIndexOnPostgres() : LocalIndexTests(Engine.Postgres);

/// <summary>What holds of an index on this replica's disk beyond what holds of every index.</summary>
public abstract class LocalIndexTests(Engine engine)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_lost_index_is_built_anew_from_the_record()
    {
        await using var record = await TestRecord.CreateAsync(engine);
        string data = Directory.CreateTempSubdirectory("rag-test-").FullName;
        try
        {
            await using (var service = await TestService.StartAsync(engine: engine, model: true, data: data, record: record)) await service.PutAsync("a.txt", "Herons stand in shallow water.");
            Directory.Delete(Path.Combine(data, "index"), recursive: true);
            await using var again = await TestService.StartAsync(engine: engine, model: true, data: data, record: record);
            (await again.SearchAsync("herons")).ShouldHaveSingleItem().Cosine.ShouldBeGreaterThan(0.3f);
            (await again.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task A_document_whose_vectors_are_being_made_is_no_difference()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        // Many times the chunks of a batch of vectors.
        string text = string.Join("\n\n", Enumerable.Range(0, 1_000).Select(i => $"# Section {i}\n\nThe heron number {i} stands in water."));
        var putting = service.PutAsync("herons.md", text);
        var verified = new List<IndexVerification>();
        while (!putting.IsCompleted) verified.AddRange((await service.Get<IndexVerifier>().VerifyAsync(Cancel)).Collections);
        await putting;
        verified.ShouldContain(v => v.RecordVectors > 0 && v.RecordVectors < v.RecordChunks, "nothing was seen between two batches");
        verified.SelectMany(v => v.Problems).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("segments_*")]
    [InlineData("*.cfs")]
    [InlineData("*.si")]
    [InlineData("vectors.bin")]
    public async Task A_damaged_index_is_built_anew_from_the_record(string pattern)
    {
        await using var record = await TestRecord.CreateAsync(engine);
        string data = Directory.CreateTempSubdirectory("rag-test-").FullName;
        try
        {
            await using (var service = await TestService.StartAsync(engine: engine, model: true, data: data, record: record)) await service.PutAsync("a.txt", "Herons stand in shallow water.");
            var files = Directory.EnumerateFiles(Path.Combine(data, "index"), pattern, SearchOption.AllDirectories).ToList();
            files.ShouldNotBeEmpty();
            foreach (string file in files)
            {
                using var stream = File.OpenWrite(file);
                stream.SetLength(stream.Length / 2);
            }
            await using var again = await TestService.StartAsync(engine: engine, model: true, data: data, record: record);
            (await again.SearchAsync("herons")).ShouldHaveSingleItem();
            (await again.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task Changes_that_are_applied_again_do_no_harm()
    {
        await using var record = await TestRecord.CreateAsync(engine);
        string data = Directory.CreateTempSubdirectory("rag-test-").FullName;
        try
        {
            await using (var service = await TestService.StartAsync(engine: engine, data: data, record: record))
                for (int i = 0; i < 10; i++) await service.PutAsync($"d{i % 5}.txt", $"Text number {i} is about topic{i}.");
            // As after a kill between the index commit and the position.
            await File.WriteAllTextAsync(Path.Combine(data, "index", "position.txt"), "3", Cancel);
            await using var again = await TestService.StartAsync(engine: engine, data: data, record: record);
            var report = await again.Get<IndexVerifier>().VerifyAsync(Cancel);
            report.Clean.ShouldBeTrue();
            report.Collections.ShouldHaveSingleItem().IndexChunks.ShouldBe(5);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task A_restart_opens_the_index_that_is_there_and_clears_what_a_rebuild_left()
    {
        await using var record = await TestRecord.CreateAsync(engine);
        string data = Directory.CreateTempSubdirectory("rag-test-").FullName;
        try
        {
            await using (var service = await TestService.StartAsync(engine: engine, data: data, record: record)) await service.PutAsync("a.txt", "Herons stand in shallow water.");
            var segments = Directory.EnumerateFiles(Path.Combine(data, "index"), "_*", SearchOption.AllDirectories).ToDictionary(f => f, File.GetLastWriteTimeUtc);
            segments.ShouldNotBeEmpty();
            string leftover = Path.Combine(data, "index", "half.new");
            Directory.CreateDirectory(leftover);
            await using var again = await TestService.StartAsync(engine: engine, data: data, record: record);
            (await again.SearchAsync("herons")).ShouldHaveSingleItem();
            foreach (var (file, written) in segments) File.GetLastWriteTimeUtc(file).ShouldBe(written, file);
            Directory.Exists(leftover).ShouldBeFalse();
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task A_record_that_was_put_back_beneath_its_index_is_noticed()
    {
        await using var record = await TestRecord.CreateAsync(engine);
        string data = Directory.CreateTempSubdirectory("rag-test-").FullName;
        try
        {
            await using (var service = await TestService.StartAsync(engine: engine, data: data, record: record)) await service.PutAsync("a.txt", "Herons stand in shallow water.");
            await record.BackUpAsync(data);
            await using (var service = await TestService.StartAsync(engine: engine, data: data, record: record)) await service.PutAsync("b.txt", "Egrets came after the backup.");
            await record.PutBackAsync(data);

            await using var again = await TestService.StartAsync(engine: engine, data: data, record: record);
            (await again.SearchAsync("egrets")).ShouldBeEmpty();
            (await again.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
            await again.PutAsync("c.txt", "Storks come now.");
            (await again.SearchAsync("storks")).ShouldHaveSingleItem();
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }
}
