using CsCheck;
using Rag.Answering.Verification;

namespace Rag.Tests.Answering.Verification;

public sealed class ClaimSplitterTests
{
    private static List<ModelClaim> Split(string text, Func<int, int>? pieces = null)
    {
        var splitter = new ClaimSplitter();
        var claims = new List<ModelClaim>();
        for (int i = 0, n = 0; i < text.Length; n++)
        {
            int take = Math.Min(text.Length - i, Math.Max(1, pieces?.Invoke(n) ?? text.Length));
            claims.AddRange(splitter.Append(text.AsSpan(i, take)));
            i += take;
        }
        claims.AddRange(splitter.Flush());
        return claims;
    }

    [Fact]
    public void A_sentence_has_the_marks_before_and_behind_its_full_stop()
    {
        var claims = Split("It is so [1]. It is not [2][3]. [4] The rest [5, 7-9] goes on.");
        claims.Select(c => c.Text).ShouldBe(["It is so.", "It is not.", "The rest goes on."]);
        claims.Select(c => string.Join(' ', c.Citations)).ShouldBe(["1", "2 3 4", "5 7 8 9"]);
    }

    [Fact]
    public void Abbreviations_and_decimals_end_no_sentence() =>
        Split("Dr. Smith measured 3.5 km, e.g. in the U.S. in 1999. Then he left.").Select(c => c.Text).ShouldBe(["Dr. Smith measured 3.5 km, e.g. in the U.S. in 1999.", "Then he left."]);

    [Fact]
    public void Lists_tables_headings_and_code_are_claims_of_their_own_kind()
    {
        var claims = Split("# Backups\n\nDo this:\n- **Stop** the server [1]\n- Copy the folder\n\n| a | b |\n|---|---|\n| 1 | 2 [3] |\n\n```sh\nrag stop. now\n```\nDone.");
        claims.Select(c => (c.Kind, c.Text)).ShouldBe([
            (ClaimKind.Heading, "Backups"), (ClaimKind.Sentence, "Do this:"), (ClaimKind.ListItem, "Stop the server"), (ClaimKind.ListItem, "Copy the folder"),
            (ClaimKind.TableRow, "a, b"), (ClaimKind.TableRow, ""), (ClaimKind.TableRow, "1, 2"), (ClaimKind.Code, "rag stop. now"), (ClaimKind.Sentence, "Done.")]);
        claims[6].Citations.ShouldBe([3]);
    }

    [Fact]
    public void A_sentence_is_given_as_soon_as_the_next_one_begins()
    {
        var splitter = new ClaimSplitter();
        splitter.Append("It is so [1].").ShouldBeEmpty();
        splitter.Append(" ").ShouldBeEmpty();
        splitter.Append("A").Single().Text.ShouldBe("It is so.");
        splitter.Flush().Single().Text.ShouldBe("A");
    }

    private static readonly string[] Parts = ["It is so", ". ", ".\n", "\n", "\n\n", " [1]", "[2, 3]", "[", "]", "- ", "1. ", "# ", "| a |", "```", "```\n", "Dr. ", "3.5", " e.g. ", "word ", "!", "? ", "**b**", "文。", "😀", " ", "U.S. ", "A", "~~~\n", "\r\n", "10", ")"];

    private static readonly Gen<string> Texts = Gen.Int[0, Parts.Length - 1].Select(i => Parts[i]).Array[0, 60].Select(string.Concat);

    [Fact]
    public void However_the_text_is_cut_into_pieces_the_claims_are_the_same() =>
        Gen.Select(Texts, Gen.Int[1, 12].Array[1, 20]).Sample((text, sizes) =>
            Split(text, n => sizes[n % sizes.Length]).Select(c => (c.Raw, c.Text, c.Kind)).ShouldBe(Split(text).Select(c => (c.Raw, c.Text, c.Kind))), iter: 5_000);

    [Fact]
    public void All_claims_together_are_the_text() =>
        Texts.Sample(text => string.Concat(Split(text).Select(c => c.Raw)).ShouldBe(text), iter: 5_000);

    [Fact]
    public void A_text_without_an_end_is_cut()
    {
        var splitter = new ClaimSplitter();
        int given = 0;
        for (int i = 0; i < 100; i++) given += splitter.Append(new string('x', 1_000)).Sum(c => c.Raw.Length);
        given.ShouldBeGreaterThan(100_000 - ClaimSplitter.MaxPendingChars - 1);
    }
}
