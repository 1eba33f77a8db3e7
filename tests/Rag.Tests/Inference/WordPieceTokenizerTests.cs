using System.Diagnostics;
using CsCheck;
using Microsoft.ML.Tokenizers;
using Rag.Foundation;
using Rag.Inference;
using Shouldly;
using Xunit;
using WordPieceTokenizer = Rag.Inference.WordPieceTokenizer;

namespace Rag.Tests.Inference;

public sealed class WordPieceTokenizerTests
{
    private static readonly WordPieceTokenizer Tokenizer = ReferenceVectors.Tokenizer;

    private static long[] Encode(string text, int max = OnnxEmbeddingGenerator.MaxSequence)
    {
        var ids = new long[max];
        return ids[..Tokenizer.Encode(text, ids)];
    }

    [Fact]
    public void Token_numbers_equal_the_published_ones()
    {
        ReferenceVectors.Entries.Count.ShouldBe(22);
        foreach (var entry in ReferenceVectors.Entries) Encode(entry.Text).ShouldBe(entry.Ids, entry.Text);
    }

    [Theory]
    [InlineData("Crème Brûlée", "creme brulee")]
    [InlineData("cafe\u0301", "café")]
    [InlineData("ǭ Ấ ṩ ὰ", "o a s α")]
    [InlineData("\u212BNGSTROM \u2126", "angstrom ω")]
    [InlineData("zero\u200Bwidth soft\u00ADhyphen \uE000private", "zerowidth softhyphen private")]
    [InlineData("한국", "\u1112\u1161\u11AB\u1100\u116E\u11A8")]
    [InlineData("漢字かな", "漢 字 かな")]
    [InlineData("\uF900 \u037E", "豈 ;")]
    [InlineData("a_b$c", "a _ b $ c")]
    [InlineData("thin\u2009space\u3000wide\u0085next", "thin space widenext")]
    [InlineData("\uD83D lone \uDE80 halves", "lone halves")]
    [InlineData("𝔸", "🚀")] // beyond the BMP and in no vocabulary: each one [UNK], not nothing
    public void Texts_that_read_the_same_to_the_model_have_the_same_tokens(string text, string plain) =>
        Encode(text).ShouldBe(Encode(plain));

    [Fact]
    public void The_numbers_equal_the_librarys_where_the_library_is_right()
    {
        // Its faults (characters beyond the BMP, "_", "=" and other ASCII symbols, line ends, accents without ICU) are left out.
        var library = BertTokenizer.Create(Path.Combine(ReferenceVectors.ModelFolder, "vocab.txt"));
        const string letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789    eeetttaaiinnoo"
            + ".,;:!?()[]{}'\"-/\\@#%&*" + "приветмир" + "αβγδε" + "日本語漢字";
        Gen.Char[letters].Array[0, 120].Select(chars => new string(chars)).Sample(text =>
            Encode(text, 512).Select(id => (int)id).SequenceEqual(library.EncodeToIds(text)), iter: 5_000);
        string[] parts = ["un", "believ", "able", "ing", "token", "iz", "ation", "s", "re", "hyper", "q", "zz", " ", "-"];
        Gen.Int[0, parts.Length - 1].Array[1, 40].Select(picks => string.Concat(picks.Select(i => parts[i]))).Sample(text =>
            Encode(text, 512).Select(id => (int)id).SequenceEqual(library.EncodeToIds(text)), iter: 5_000);
    }

    [Fact]
    public void A_count_is_what_encoding_gives_without_the_special_tokens() =>
        Gen.String[0, 200].Sample(text => Tokenizer.CountTokens(text) == Encode(text, 4096).Length - 2);

    [Fact]
    public void Words_that_were_counted_before_are_encoded_and_counted_as_at_first()
    {
        var tokenizer = new WordPieceTokenizer(WordPieceVocabulary.Load(Path.Combine(ReferenceVectors.ModelFolder, "vocab.txt")));
        foreach (var entry in ReferenceVectors.Entries)
        {
            int first = tokenizer.CountTokens(entry.Text);
            long[] ids = new long[256];
            ids[..tokenizer.Encode(entry.Text, ids)].Select(id => (int)id).ShouldBe(entry.Ids.Select(id => (int)id), entry.Text);
            tokenizer.CountTokens(entry.Text).ShouldBe(first);
        }
    }

    [Fact]
    public void A_prefix_is_the_longest_of_whole_words_that_fits()
    {
        Gen.Select(Gen.String[Gen.Char["abcdeé \u0301\u200B.,漢\uAC00"], 0, 60], Gen.Int[0, 30]).Sample((text, max) =>
        {
            int length = Tokenizer.PrefixLength(text, max, out int tokens);
            tokens.ShouldBeLessThanOrEqualTo(max);
            Tokenizer.CountTokens(text.AsSpan(0, length)).ShouldBe(tokens);
            int whole = Tokenizer.CountTokens(text);
            if (whole <= max) tokens.ShouldBe(whole);
            // What is left out begins with a word: cutting there splits nothing.
            (tokens + Tokenizer.CountTokens(text.AsSpan(length))).ShouldBe(whole);
        });
    }

    [Fact]
    public void Names_of_special_tokens_in_a_text_are_text() =>
        Encode("[SEP] [CLS] [PAD]")[1..^1].ShouldNotContain(id => id == 101 || id == 102 || id == 0);

    [Fact]
    public void A_hostile_word_costs_no_more_than_its_length()
    {
        string[] hostile = [new('x', 2_000_000), string.Concat(Enumerable.Repeat(new string('a', 99) + "\u0E01 ", 20_000)), new('\u0301', 2_000_000)];
        var watch = Stopwatch.StartNew();
        Tokenizer.CountTokens(hostile[0]).ShouldBe(1);
        Tokenizer.CountTokens(hostile[2]).ShouldBe(0);
        Tokenizer.CountTokens(hostile[1]).ShouldBeLessThanOrEqualTo(100 * 20_000);
        watch.Elapsed.TotalSeconds.ShouldBeLessThan(5);
    }

    [Fact]
    public void Without_a_vocabulary_counts_are_approximate_and_nothing_is_encoded()
    {
        var approximate = new WordPieceTokenizer(null);
        approximate.CountTokens("Reject requests, 漢字!").ShouldBe(2 + 2 + 1 + 2 + 1);
        Should.Throw<InvalidOperationException>(() => approximate.Encode("a", new long[8]));
    }

    [Fact]
    public void A_vocabulary_that_is_missing_or_lacks_special_tokens_is_refused()
    {
        Should.Throw<RagException>(() => WordPieceVocabulary.Load("no-such-vocabulary.txt")).Kind.ShouldBe(ErrorKind.Unavailable);
        Should.Throw<ArgumentException>(() => new WordPieceVocabulary(["[UNK]", "[CLS]", "word"])).Message.ShouldContain("[SEP]");
    }
}
