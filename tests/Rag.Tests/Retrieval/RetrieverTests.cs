using Rag.Retrieval;

namespace Rag.Tests.Retrieval;

public sealed class RetrieverInLocalIndex() : RetrieverTests(Engine.Sqlite);

public sealed class RetrieverInPgvector() : RetrieverTests(Engine.Pgvector);

public abstract class RetrieverTests(Engine engine)
{
    [Fact]
    public async Task Each_mode_finds_by_its_own_means()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("a.txt", "The feline slept on the sofa all afternoon.");
        await service.PutAsync("b.txt", "Backups are written to a remote server every night.");
        (await service.SearchAsync("cat nap", RetrievalMode.Lexical)).ShouldBeEmpty();
        (await service.SearchAsync("cat nap", RetrievalMode.Dense))[0].Chunk.Uri.ShouldBe("a.txt");
        (await service.SearchAsync("cat nap"))[0].Chunk.Uri.ShouldBe("a.txt");
        (await service.SearchAsync("backups", RetrievalMode.Lexical)).ShouldHaveSingleItem().Coverage.ShouldBeInRange(0.1f, 1f);
    }

    [Fact]
    public async Task Facts_narrow_both_sides_of_the_search()
    {
        await using var service = await TestService.StartAsync(engine: engine, model: true);
        await service.PutAsync("a.txt", "Restore from the newest backup.", metadata: new() { ["team"] = "storage" });
        await service.PutAsync("b.txt", "Restore from the newest backup, says the network team.", metadata: new() { ["team"] = "network" });
        foreach (var mode in Enum.GetValues<RetrievalMode>())
            (await service.SearchAsync("restore backup", mode, filter: new Dictionary<string, string> { ["team"] = "network" })).ShouldHaveSingleItem().Chunk.Uri.ShouldBe("b.txt");
        (await service.SearchAsync("restore backup", filter: new Dictionary<string, string> { ["team"] = "none" })).ShouldBeEmpty();
    }

    [Fact]
    public async Task Equal_scores_come_in_the_order_of_the_record()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        for (int i = 0; i < 10; i++) await service.PutAsync($"d{i}.txt", "Exactly the same words in each.");
        (await service.SearchAsync("same words")).Select(f => f.Chunk.Uri).ShouldBe(Enumerable.Range(0, 10).Select(i => $"d{i}.txt"));
    }

    [Fact]
    public async Task Without_a_model_hybrid_searches_by_words_and_says_so()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.PutAsync("a.txt", "Herons stand in shallow water.");
        var answer = await service.AskAsync("Where do herons stand?");
        answer.Degraded.ShouldBeTrue();
        answer.DegradedReason.ShouldNotBeNull().ShouldContain("words only");
        answer.Text.ShouldBe("Herons stand in shallow water.");
    }
}
