using Rag.Evaluation;
using Shouldly;
using Xunit;

namespace Rag.Tests.Evaluation;

public sealed class GoldAnswersTests
{
    [Theory]
    [InlineData("The Normans gave their name to Normandy, a region in France.", "france", true)]
    [InlineData("in the 10th\n  and 11th centuries", "10th and 11th  Centuries", true)]
    [InlineData("It cost $5,000.", "$5,000", true)]
    [InlineData("It cost $5,000.", "5000", false)]
    [InlineData("Anything at all", " ", false)]
    [InlineData("", "x", false)]
    public void A_gold_answer_stands_in_a_text_whatever_the_case_and_white_space(string text, string gold, bool expected) =>
        GoldAnswers.AnyIn(text, [gold]).ShouldBe(expected);

    [Fact]
    public void One_of_several_gold_answers_is_enough()
    {
        GoldAnswers.AnyIn("Rollo led them.", ["Hasting", "Rollo"]).ShouldBeTrue();
        GoldAnswers.AnyIn("Rollo led them.", []).ShouldBeFalse();
    }
}
