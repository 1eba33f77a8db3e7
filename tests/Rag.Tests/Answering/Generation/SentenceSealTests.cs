using CsCheck;
using Rag.Answering.Generation;
using Rag.Foundation;

namespace Rag.Tests.Answering.Generation;

public sealed class SentenceSealTests
{
    [Fact]
    public void A_sentence_opens_with_the_texts_that_it_was_closed_with() => Gen.Select(Gen.String, Gen.String[1, 40].Array[1, 4], Gen.Int[0, 99]).Sample((sentence, texts, index) =>
    {
        // Half a surrogate pair is no text.
        if (!System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(sentence)).Equals(sentence, StringComparison.Ordinal)) return;
        SentenceSeal.Open("id", index, texts, SentenceSeal.Close("id", index, texts, sentence)).ShouldBe(sentence);
    });

    [Fact]
    public void It_opens_with_nothing_else()
    {
        string closed = SentenceSeal.Close("id", 1, ["The pump stands in hall 3.", "It is blue."], "The blue pump stands in hall 3.");
        closed.ShouldNotContain("pump");
        foreach (var open in new Func<string>[]
        {
            () => SentenceSeal.Open("other", 1, ["The pump stands in hall 3.", "It is blue."], closed),
            () => SentenceSeal.Open("id", 2, ["The pump stands in hall 3.", "It is blue."], closed),
            () => SentenceSeal.Open("id", 1, ["The pump stands in hall 4.", "It is blue."], closed),
            () => SentenceSeal.Open("id", 1, ["The pump stands in hall 3."], closed),
            () => SentenceSeal.Open("id", 1, ["The pump stands in hall 3.It", " is blue."], closed),
            () => SentenceSeal.Open("id", 1, ["The pump stands in hall 3.", "It is blue."], "AAAA" + closed[4..]),
            () => SentenceSeal.Open("id", 1, ["The pump stands in hall 3.", "It is blue."], "no base64"),
            () => SentenceSeal.Open("id", 1, ["The pump stands in hall 3.", "It is blue."], "AAAA"),
        }) Should.Throw<RagException>(open).Kind.ShouldBe(ErrorKind.Conflict);
    }
}
