using Microsoft.Extensions.Configuration;
using Rag.Evaluation;
using Rag.Retrieval;
using Rag.Testing.Models;
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

    [Theory]
    [InlineData("select")]
    [InlineData("compose")]
    public async Task A_models_answers_are_scored_by_what_they_cite_and_what_was_withheld(string mode)
    {
        var ct = TestContext.Current.CancellationToken;
        await using var model = await ScriptedModel.StartAsync();
        var settings = new ConfigurationBuilder().AddConfiguration(WithoutModel).AddInMemoryCollection(model.Settings(mode)).Build();
        await using var store = await ScratchStore.StartNewAsync(settings, ct);
        var evaluator = new Evaluator(store);
        await evaluator.LoadAsync(Small, null, ct);
        // One question is answered as it should be, one not at all, and one from the right document and a wrong one, or with a falsehood.
        model.Script = call =>
        {
            int Of(string words) => call.Passages.First(p => p.Text.Contains(words, StringComparison.Ordinal)).Number;
            if (call.Question.StartsWith("kettles", StringComparison.Ordinal)) return mode == "select" ? ModelReply.Units() : ModelReply.Say("NO ANSWER");
            bool pumps = call.Question.Contains("pump", StringComparison.Ordinal);
            if (mode == "select") return pumps ? ModelReply.Units(Of("blue pump")) : ModelReply.Units(Of("A lamp"), Of("Where does"));
            return ModelReply.Say(pumps
                ? $"The blue pump moves forty litres of water each minute [{Of("blue pump")}]. The blue pump moves fifty litres of wine each minute [{Of("blue pump")}]."
                : $"A lamp in the hall burns all night [{Of("A lamp")}].");
        };
        var scores = await evaluator.GenerateAsync(Small, RetrievalMode.Lexical, null, ct);
        (scores.Model, scores.Mode, scores.Questions, scores.Declined).ShouldBe((ScriptedModel.Name, mode, 3, 0.3333));
        if (mode == "select") (scores.Written, scores.Support, scores.Withheld, scores.CitationPrecision, scores.CitationRecall).ShouldBe((0, null, 0, 0.6667, 1));
        else (scores.Written, scores.Support, scores.Withheld, scores.CitationPrecision, scores.CitationRecall).ShouldBe((3, 0.6667, 1, 1, 1));
    }

    [Fact]
    public async Task Conversations_are_held_with_the_turns_before_and_without()
    {
        var ct = TestContext.Current.CancellationToken;
        string folder = Directory.CreateTempSubdirectory("rag-eval-").FullName;
        Directory.CreateDirectory(Path.Combine(folder, "qrels"));
        await File.WriteAllTextAsync(Path.Combine(folder, "corpus.jsonl"), """{"_id":"d1","title":"","text":"Backups are kept for one year. Backups are made in Ghent."}""" + "\n" + """{"_id":"d2","title":"","text":"Kettles are made in Bruges by hand."}""" + "\n", ct);
        await File.WriteAllTextAsync(Path.Combine(folder, "queries.jsonl"), "", ct);
        await File.WriteAllTextAsync(Path.Combine(folder, "qrels", "test.tsv"), "", ct);
        await File.WriteAllTextAsync(Path.Combine(folder, "conversations.jsonl"), """{"_id":"c1","turns":[{"question":"How long are backups kept?"},{"question":"And where are they made?","answers":["Ghent"]}]}""" + "\n", ct);
        var source = await BeirCollection.LoadAsync(folder, ct);
        await using var store = await ScratchStore.StartNewAsync(WithoutModel, ct);
        var evaluator = new Evaluator(store);
        await evaluator.LoadAsync(source, null, ct);
        var scores = (await evaluator.ConverseAsync(source, RetrievalMode.Lexical, null, ct)).ShouldNotBeNull();
        (scores.Conversations, scores.FollowUps, scores.Rewritten, scores.GoldInAnswer).ShouldBe((1, 1, 1, 1));
        (await evaluator.ConverseAsync(Small, RetrievalMode.Lexical, null, ct)).ShouldBeNull();
        Directory.Delete(folder, recursive: true);
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
