using System.Text;
using CsCheck;
using Rag.Ingestion.Parsing;
using Shouldly;
using Xunit;

namespace Rag.Tests.Ingestion.Parsing;

/// <summary>For any input, each parser of text gives a sound document or a reason, and never anything else.</summary>
public sealed class TextParsersPropertyTests
{
    // Pieces that mean something to one parser or another, so that random text reaches their branches.
    private static readonly string[] Pieces =
    [
        "\n", "\n\n", "\r\n", "\r", " ", "   ", "\t", "word", "Another sentence.", "# ", "## Title", "===", "---", "* ", "- item", "1. ", "  - ", "> ", "```", "~~~", "| a | b |", "|---|---|",
        "[x](y)", "![a](b)", "`code`", "**", "_", "<b>", "</b>", "<p>", "<!--", "-->", "<table><tr><td>", "</table>", "<ul><li>", "</ul>", "<pre>", "<script>", "&amp;", "&#0;", "&#xD800;",
        "{", "}", "[", "]", "\"", ":", ",", ";", "\\", "null", "1e9", "{\"a\":1}", "{\\rtf1", "\\par ", "\\'e9", "\\u-4066?", "\\u55357", "{{< x >}}", ".. note::", "::", ":ref:`x`", "\0", "\u0085", "\u2028",
        "\uD83D\uDE00", "\uD83D", "\uDE00", "\uFEFF", "\uFFFF", "\u00AD", "é", "日本", "Subject: x\nFrom: a@b\nMessage-ID: <1>\n\n", "<?xml version=\"1.0\"?>", "<a>", "</a>",
    ];

    private static readonly Gen<string> Text = Gen.OneOf(OneOf(Pieces), Gen.String[0, 6]).Array[0, 60].Select(string.Concat);

    [Theory]
    [InlineData("x.txt")]
    [InlineData("x.md")]
    [InlineData("x.html")]
    [InlineData("x.rst")]
    [InlineData("x.csv")]
    [InlineData("x.tsv")]
    [InlineData("x.json")]
    [InlineData("x.jsonl")]
    [InlineData("x.xml")]
    [InlineData("x.eml")]
    public void Random_text_gives_a_sound_document_or_a_reason(string name) =>
        Text.Sample(text => ShouldHold(name, Encoding.UTF8.GetBytes(text)), iter: 1_500, threads: 1);

    [Fact]
    public void Random_rtf_gives_a_sound_document_or_a_reason() =>
        Text.Sample(text => ShouldHold("x.rtf", Encoding.UTF8.GetBytes("{\\rtf1\\ansi " + text)), iter: 3_000, threads: 1);

    [Fact]
    public void Random_bytes_give_a_sound_document_or_a_reason() =>
        Gen.Byte.Array[0, 300].Sample(bytes => ShouldHold("x.bin", bytes), iter: 3_000, threads: 1);

    [Fact]
    public void Random_text_in_any_encoding_gives_a_sound_document_or_a_reason() =>
        Gen.Select(Text, OneOf("utf-16", "utf-16BE", "utf-32", "windows-1252", "windows-1251", "shift_jis", "koi8-r"))
            .Sample(pair => ShouldHold("x.txt", Encoding.GetEncoding(pair.Item2).GetBytes(pair.Item1)), iter: 2_000, threads: 1);

    [Fact]
    public void Cleaning_and_collapsing_twice_changes_nothing_more() =>
        Text.Sample(text =>
        {
            string clean = ParsedTextBuilder.Clean(text);
            string collapsed = ParsedTextBuilder.Collapse(text);
            return ParsedTextBuilder.Clean(clean) == clean && ParsedTextBuilder.Collapse(collapsed) == collapsed;
        }, iter: 5_000, threads: 1);

    [Fact]
    public void Csv_rows_come_back_as_they_were_quoted()
    {
        var field = Gen.OneOf(OneOf("a", "b c", "1,2", "say \"so\"", "two\nlines"), Gen.String[Gen.Char['a', 'z'], 1, 5]);
        field.Array[2, 5].Array[1, 6].Sample(rows =>
        {
            string csv = string.Join("\r\n", rows.Select(r => string.Join(',', r.Select(f => '"' + f.Replace("\"", "\"\"") + '"'))));
            var read = Rag.Ingestion.Parsing.Formats.CsvParser.Rows(csv, ',').ToList();
            read.Count.ShouldBe(rows.Length);
            for (int i = 0; i < rows.Length; i++) read[i].ShouldBe(rows[i]);
        }, iter: 1_000, threads: 1);
    }

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    static TextParsersPropertyTests() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    private static void ShouldHold(string name, byte[] bytes)
    {
        try
        {
            ParsingData.ShouldBeSound(FormatParser.Parse(name, bytes, ParsingData.MaxTextChars));
        }
        catch (ParseException)
        {
            // A reason is an answer.
        }
    }
}
