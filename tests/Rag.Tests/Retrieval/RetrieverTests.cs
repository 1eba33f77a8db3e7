using CsCheck;
using Rag.Indexing;
using Rag.Retrieval;

namespace Rag.Tests.Retrieval;

public sealed class RetrieverTests
{
    [Fact]
    public async Task Any_chunk_scores_what_the_full_text_search_gives_it()
    {
        await using var service = await TestService.StartAsync();
        var random = new Random(7);
        string[] words = ["heron", "water", "bird", "stone", "river", "white", "grey", "nest", "egg", "fish"];
        for (int i = 0; i < 60; i++) await service.PutAsync($"d{i}.txt", string.Join(' ', Enumerable.Range(0, random.Next(3, 40)).Select(_ => words[random.Next(words.Length)])));
        await service.DeleteAsync("d3.txt");
        using var snapshot = service.Get<IndexStore>().Find((await service.CollectionAsync()).Id)!.Acquire();
        Gen.OneOf(words.Select(w => Gen.Const(w)).ToArray()).Array[1, 6].Sample(query =>
        {
            var lexical = new LexicalQuery(snapshot, string.Join(' ', query));
            var hits = lexical.Search(100, null).OrderBy(h => h.Doc).ToList();
            float[] scores = lexical.Score(hits.Select(h => h.Doc).ToArray());
            return hits.Zip(scores).All(p => Math.Abs(p.First.Score - p.Second) <= 1e-4f * p.First.Score) && hits.All(h => h.Score <= lexical.Bound);
        }, iter: 200);
    }

    [Fact]
    public async Task Each_mode_finds_by_its_own_means()
    {
        await using var service = await TestService.StartAsync(model: true);
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
        await using var service = await TestService.StartAsync(model: true);
        await service.PutAsync("a.txt", "Restore from the newest backup.", metadata: new() { ["team"] = "storage" });
        await service.PutAsync("b.txt", "Restore from the newest backup, says the network team.", metadata: new() { ["team"] = "network" });
        foreach (var mode in Enum.GetValues<RetrievalMode>())
            (await service.SearchAsync("restore backup", mode, filter: new Dictionary<string, string> { ["team"] = "network" })).ShouldHaveSingleItem().Chunk.Uri.ShouldBe("b.txt");
        (await service.SearchAsync("restore backup", filter: new Dictionary<string, string> { ["team"] = "none" })).ShouldBeEmpty();
    }

    [Fact]
    public async Task Equal_scores_come_in_the_order_of_the_record()
    {
        await using var service = await TestService.StartAsync();
        for (int i = 0; i < 10; i++) await service.PutAsync($"d{i}.txt", "Exactly the same words in each.");
        (await service.SearchAsync("same words")).Select(f => f.Chunk.Uri).ShouldBe(Enumerable.Range(0, 10).Select(i => $"d{i}.txt"));
    }

    [Fact]
    public async Task Without_a_model_hybrid_searches_by_words_and_says_so()
    {
        await using var service = await TestService.StartAsync();
        await service.PutAsync("a.txt", "Herons stand in shallow water.");
        var answer = await service.AskAsync("Where do herons stand?");
        answer.Degraded.ShouldBeTrue();
        answer.DegradedReason.ShouldNotBeNull().ShouldContain("words only");
        answer.Text.ShouldBe("Herons stand in shallow water.");
    }

    [Fact]
    public void Coverage_is_the_share_of_the_question_and_never_divides_by_nothing() =>
        Gen.Select(Gen.Float[0, 50], Gen.Float[0, 50], Gen.Float[-1, 1]).Sample((bm25, slack, cosine) =>
        {
            float bound = bm25 + slack;
            float coverage = CoverageFusion.Coverage(bm25, bound);
            float score = CoverageFusion.Score(cosine, bm25, bound);
            return coverage is >= 0 and <= 1.0001f && Math.Abs(score - (0.6f * cosine + 0.4f * coverage)) < 1e-5f;
        });
}
