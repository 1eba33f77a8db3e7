using System.Text.Json;
using Rag.Answering;
using Rag.Foundation;
using Rag.Protocols;

namespace Rag.Tests.Protocols;

/// <summary>Messages of chat clients as a question and what was said before it.</summary>
public sealed class ConversationTests
{
    private static Conversation Of(params (string Role, string? Content)[] messages) =>
        Conversation.Of([.. messages.Select(m => new ChatMessage(m.Role, m.Content is null ? null : JsonSerializer.SerializeToElement(m.Content)))]);

    [Fact]
    public void The_last_message_is_the_question_and_those_before_it_are_its_turns()
    {
        var read = Of(("system", "You are a pirate."), ("user", "Where?"), ("assistant", "In Ghent."), ("developer", "Be rude."), ("user", "And when?"));
        read.Question.ShouldBe("And when?");
        read.Turns.ShouldBe([new AskTurn("Where?", "In Ghent.")]);
    }

    [Fact]
    public void Questions_in_a_row_are_turns_without_an_answer()
    {
        var read = Of(("user", "Where?"), ("user", "When?"), ("assistant", null), ("user", "Why?"));
        read.Question.ShouldBe("Why?");
        read.Turns.ShouldBe([new AskTurn("Where?"), new AskTurn("When?", "")]);
    }

    [Fact]
    public void The_newest_turns_are_kept_and_long_ones_cut_without_halves_of_characters()
    {
        string answer = new string('a', AskTurn.MaxAnswerChars - 1) + "😀";
        var read = Of([.. Enumerable.Range(0, 30).SelectMany(i => new (string, string?)[] { ("user", $"Question {i}?"), ("assistant", i == 29 ? answer : "Yes.") }), ("user", "Why?")]);
        read.Turns.Count.ShouldBe(AskRequest.MaxTurns);
        read.Turns[^1].ShouldBe(new AskTurn("Question 29?", new string('a', AskTurn.MaxAnswerChars - 1)));
    }

    [Theory]
    [InlineData("an empty list")]
    [InlineData("an answer last", "user", "Where?", "assistant", "There.")]
    [InlineData("a system message only", "system", "Be kind.")]
    [InlineData("a tool", "tool", "42")]
    public void What_asks_nothing_is_refused(string why, params string[] messages)
    {
        var e = Should.Throw<RagException>(() => Of([.. messages.Chunk(2).Select(m => (m[0], (string?)m[1]))]), why);
        (e.Kind, e.Remedy.Length > 0).ShouldBe((ErrorKind.Invalid, true));
    }

    [Fact]
    public void Too_many_messages_and_too_many_characters_are_refused()
    {
        Should.Throw<RagException>(() => Of([.. Enumerable.Repeat(("user", (string?)"Where?"), 201)])).Message.ShouldContain("201 messages");
        Should.Throw<RagException>(() => Of(("assistant", new string('a', 200_000)), ("user", "Where?"))).Message.ShouldContain("200,000 characters");
    }
}
