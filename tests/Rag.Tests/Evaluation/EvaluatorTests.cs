using Microsoft.Extensions.Configuration;
using Rag.Evaluation;
using Rag.Retrieval;
using Shouldly;
using Xunit;

namespace Rag.Tests.Evaluation;

public sealed class EvaluatorTests
{
    private static readonly IConfiguration WithoutModel = new ConfigurationBuilder()
        .AddInMemoryCollection([new("Inference:Provider", "none"), new("Caching:Enabled", "false")]).Build();

    private static readonly BeirCollection Small = new(
        "Small set!",
        [
            new("d1", "Pumps", "The blue pump moves forty litres of water each minute. It needs oil every spring."),
            new("d2", "Lamps", "A lamp in the hall burns all night. Its bulb lasts a year."),
            new("d3", "Only a title about kettles", ""),
            new("q3", "Twin", "Where does the lamp burn all night?"),
        ],
        [new("q1", "How many litres does the blue pump move?"), new("q2", "kettles"), new("q3", "Where does the lamp burn all night?"), new("unjudged", "oil")],
        new Dictionary<string, IReadOnlyDictionary<string, int>>
        {
            ["q1"] = new Dictionary<string, int> { ["d1"] = 1 },
            ["q2"] = new Dictionary<string, int> { ["d3"] = 1 },
            ["q3"] = new Dictionary<string, int> { ["d2"] = 1 },
        },
        new Dictionary<string, IReadOnlyList<string>> { ["q1"] = ["FORTY  litres"], ["q3"] = ["in the cellar"] });

    [Fact]
    public async Task A_small_collection_is_taken_in_ranked_and_asked()
    {
        var ct = TestContext.Current.CancellationToken;
        await using var store = await ScratchStore.StartNewAsync(WithoutModel, ct);
        var evaluator = new Evaluator(store);
        var seen = new List<string>();
        await evaluator.LoadAsync(Small, new Collect(seen), ct);

        var report = await evaluator.RankAsync(Small, RetrievalMode.Lexical, null, ct);
        report.Queries.ShouldBe(3);
        // The query that is itself a document does not find itself.
        report.NdcgAt10.ShouldBe(1);
        report.RecallAt100.ShouldBe(1);

        var own = await evaluator.AskAsync(Small, Evaluator.Answerable(Small), RetrievalMode.Lexical, null, ct);
        own.Asked.ShouldBe(2);
        own.WithGold.ShouldBe(1);
        var foreign = await evaluator.AskAsync(Small, [new("f", "Which enzyme splits lactose in infants?")], RetrievalMode.Lexical, null, ct);
        foreign.ShouldBe(new(1, 1, 0));
        seen.ShouldContain("ingest");
    }

    [Fact]
    public async Task A_store_leaves_nothing_behind()
    {
        var store = await ScratchStore.StartNewAsync(WithoutModel, TestContext.Current.CancellationToken);
        Directory.Exists(store.DataDirectory).ShouldBeTrue();
        await store.DisposeAsync();
        Directory.Exists(store.DataDirectory).ShouldBeFalse();
        await store.DisposeAsync();
    }

    private sealed class Collect(List<string> stages) : IProgress<EvaluationProgress>
    {
        public void Report(EvaluationProgress value) => stages.Add(value.Stage);
    }
}
