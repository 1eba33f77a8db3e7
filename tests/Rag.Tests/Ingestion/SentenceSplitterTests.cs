using CsCheck;
using Rag.Ingestion;

namespace Rag.Tests.Ingestion;

public sealed class SentenceSplitterTests
{
    [Theory]
    [InlineData("One. Two! Three?", "One.|Two!|Three?")]
    [InlineData("Dr. Smith met J. R. Jones at 5 p.m. on Monday. They spoke.", "Dr. Smith met J. R. Jones at 5 p.m. on Monday.|They spoke.")]
    [InlineData("It costs 3.50 euros. Version 1.2.3 is out.", "It costs 3.50 euros.|Version 1.2.3 is out.")]
    [InlineData("He said \"Stop.\" Then he left.", "He said \"Stop.\"|Then he left.")]
    [InlineData("As shown before.[12] The next one.", "As shown before.[12]|The next one.")]
    [InlineData("Use e.g. Redis or etcd. See Fig. 3 for more.", "Use e.g. Redis or etcd.|See Fig. 3 for more.")]
    [InlineData("これは文です。次の文です。", "これは文です。|次の文です。")]
    [InlineData("It gives the same answer. rag-system keeps the old one.", "It gives the same answer.|rag-system keeps the old one.")]
    [InlineData("Costs, incl. taxes, approx. five euros.", "Costs, incl. taxes, approx. five euros.")]
    [InlineData("no end", "no end")]
    [InlineData("  \n ", "")]
    public void Sentences_end_where_a_reader_ends_them(string text, string expected) =>
        string.Join('|', SentenceSplitter.Split(text, 0, text.Length).Select(s => text[s.Start..s.End])).ShouldBe(expected);

    [Fact]
    public void Spans_are_in_order_and_hold_every_character_that_is_not_blank() =>
        Gen.OneOf(Gen.String, Gen.String[Gen.OneOf(Gen.Const('a'), Gen.Const('B'), Gen.Const('.'), Gen.Const(' '), Gen.Const('\n'), Gen.Const('!'), Gen.Const('。'), Gen.Const('"'), Gen.Const(')')), 0, 200]).Sample(text =>
        {
            int at = 0;
            foreach (var (start, end) in SentenceSplitter.Split(text, 0, text.Length))
            {
                if (start < at || end <= start || !text.AsSpan(at, start - at).IsWhiteSpace()) return false;
                if (char.IsWhiteSpace(text[start]) || char.IsWhiteSpace(text[end - 1])) return false;
                at = end;
            }
            return text.AsSpan(at).IsWhiteSpace();
        });

    [Fact]
    public void A_text_without_ends_is_cut_within_the_bound()
    {
        string text = string.Concat(Enumerable.Repeat("word ", 10_000));
        var spans = SentenceSplitter.Split(text, 0, text.Length).ToList();
        spans.Count.ShouldBeGreaterThan(20);
        spans.ShouldAllBe(s => s.End - s.Start <= SentenceSplitter.MaxChars);
    }
}
