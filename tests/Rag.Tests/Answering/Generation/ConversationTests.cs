using Rag.Answering;
using Rag.Foundation;
using Rag.Testing.Models;

namespace Rag.Tests.Answering.Generation;

public sealed class ConversationTests
{
    private static readonly AskTurn Before = new("How long are backups kept?", "Backups are kept for one year.");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_a_model_a_follow_up_gets_the_words_of_the_question_before()
    {
        await using var service = await StartAsync();
        var alone = await AskAsync(service, "And where are they made?");
        alone.Generation.ShouldBeNull();
        var answer = await AskAsync(service, "And where are they made?", Before);
        answer.Text.ShouldContain("Backups are made in Ghent.");
        (answer.Question, answer.Generation!.RewrittenQuestion, answer.Generation.RewrittenBy, answer.Generation.Mode).ShouldBe(("and where are they made?", "and where are they made? long backups kept", "rule", "extractive"));
        answer.Degraded.ShouldBeFalse();
        var replay = await service.Get<AnswerReplay>().ReplayAsync(answer.Id, Cancel);
        replay.Same.ShouldBeTrue(replay.Difference);
    }

    [Theory]
    [InlineData("Where do grey herons stand and wait?")]
    [InlineData("Which birds stand in shallow water?")]
    public async Task A_question_that_stands_alone_is_left_as_it_is(string question)
    {
        await using var service = await StartAsync();
        var answer = await AskAsync(service, question, Before);
        answer.Generation!.RewrittenQuestion.ShouldBeNull();
        answer.Text.ShouldContain("Herons stand in shallow water");
    }

    [Theory]
    [InlineData("Wo werden sie gemacht?")]
    [InlineData("Et où?")]
    [InlineData("¿Y ellos?")]
    [InlineData("Why?")]
    public async Task What_points_back_is_seen_in_several_languages(string question)
    {
        await using var service = await StartAsync();
        (await AskAsync(service, question, Before)).Generation!.RewrittenBy.ShouldBe("rule");
    }

    [Fact]
    public async Task A_model_rewrites_a_follow_up_and_the_rewriting_is_shown()
    {
        await using var model = await ScriptedModel.StartAsync();
        await using var service = await StartAsync(model);
        model.Script = call => call.Rewrites ? ModelReply.Say("{\"question\":\"Where are backups made?\"}") : FairModel.Reply(call);
        var answer = await AskAsync(service, "And where?", Before);
        (answer.Generation!.RewrittenQuestion, answer.Generation.RewrittenBy).ShouldBe(("where are backups made?", "model"));
        answer.Text.ShouldContain("Backups are made in Ghent.");
        model.Calls.First().Section("conversation").ShouldBe("Question: how long are backups kept?\nAnswer: Backups are kept for one year.");
        model.Calls.Last().Question.ShouldBe("where are backups made?");
        int calls = model.Calls.Count;
        (await AskAsync(service, "And where?", Before)).Cached.ShouldBeTrue();
        model.Calls.Count.ShouldBe(calls);
        (await AskAsync(service, "And where?", new AskTurn("Where do herons stand?"))).Id.ShouldNotBe(answer.Id);
        var replay = await service.Get<AnswerReplay>().ReplayAsync(answer.Id, Cancel);
        replay.Same.ShouldBeTrue(replay.Difference);
    }

    [Theory]
    [InlineData("Where are backups made?")]
    [InlineData("{\"question\":\"\"}")]
    [InlineData("{\"question\":\"a\\nb\"}")]
    [InlineData("{\"question\":[1]}")]
    [InlineData("{\"question\":\"a\",\"also\":\"b\"}")]
    [InlineData("{\"question\":")]
    [InlineData("500")]
    public async Task A_model_that_rewrites_nonsense_or_is_away_is_done_without_and_the_answer_says_so(string reply)
    {
        await using var model = await ScriptedModel.StartAsync();
        await using var service = await StartAsync(model);
        model.Script = call => call.Rewrites ? reply == "500" ? ModelReply.Error(500) : ModelReply.Say(reply) : FairModel.Reply(call);
        var answer = await AskAsync(service, "And where are they made?", Before);
        (answer.Generation!.RewrittenQuestion, answer.Generation.RewrittenBy).ShouldBe(("and where are they made? long backups kept", "rule"));
        answer.Degraded.ShouldBeTrue();
        answer.Text.ShouldContain("Backups are made in Ghent.");
    }

    [Fact]
    public async Task A_history_is_bounded()
    {
        await using var service = await StartAsync();
        (await Should.ThrowAsync<RagException>(() => AskAsync(service, "Why?", [.. Enumerable.Repeat(Before, AskRequest.MaxTurns + 1)]))).Kind.ShouldBe(ErrorKind.Invalid);
        (await Should.ThrowAsync<RagException>(() => AskAsync(service, "Why?", new AskTurn("a", new string('a', AskTurn.MaxAnswerChars + 1))))).Kind.ShouldBe(ErrorKind.Invalid);
        (await Should.ThrowAsync<RagException>(() => AskAsync(service, "Why?", new AskTurn(new string('a', 2_001))))).Kind.ShouldBe(ErrorKind.Invalid);
        (await Should.ThrowAsync<RagException>(() => AskAsync(service, "Why?", new AskTurn(" ")))).Kind.ShouldBe(ErrorKind.Invalid);
        (await AskAsync(service, "Why?", [.. Enumerable.Repeat(Before, AskRequest.MaxTurns)])).ShouldNotBeNull();
    }

    private static async Task<TestService> StartAsync(ScriptedModel? model = null)
    {
        var service = await TestService.StartAsync(settings: model?.Settings("select"));
        await service.PutAsync("backups.txt", "Backups are kept for one year. Backups are made in Ghent.");
        await service.PutAsync("birds.txt", "Herons stand in shallow water and wait for fish.");
        return service;
    }

    private static async Task<Answer> AskAsync(TestService service, string question, params AskTurn[] history)
    {
        var (rendered, cached) = await service.Get<Answerer>().AskAsync(new(question, Options: new("lexical"), History: history), Cancel);
        return cached ? rendered.Answer with { Cached = true } : rendered.Answer;
    }
}
