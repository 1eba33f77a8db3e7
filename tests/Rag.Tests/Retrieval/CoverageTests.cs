using CsCheck;
using Rag.Indexing;
using Rag.Retrieval;

namespace Rag.Tests.Retrieval;

public sealed class CoverageTests
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
            var lexical = new LexicalQuery(snapshot, string.Join(' ', query), readable: null);
            var hits = lexical.Search(100, null).OrderBy(h => h.Doc).ToList();
            float[] scores = lexical.Score(hits.Select(h => h.Doc).ToArray());
            return hits.Zip(scores).All(p => Math.Abs(p.First.Score - p.Second) <= 1e-4f * p.First.Score) && hits.All(h => h.Score <= lexical.Bound);
        }, iter: 200);
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
