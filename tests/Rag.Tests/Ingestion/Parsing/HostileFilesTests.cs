using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Rag.Ingestion.Parsing;
using Shouldly;
using Xunit;

namespace Rag.Tests.Ingestion.Parsing;

/// <summary>Files made to exhaust a reader: each is refused with its reason or read, quickly and without harm to the process.</summary>
public sealed class HostileFilesTests
{
    private const int Deep = 10_000;

    public static TheoryData<string, string> DeepFiles() => new()
    {
        { "deep.json", string.Concat(Enumerable.Repeat("[", Deep)) + "1" + string.Concat(Enumerable.Repeat("]", Deep)) },
        { "deep-objects.json", string.Concat(Enumerable.Repeat("{\"a\":", Deep)) + "1" + new string('}', Deep) },
        { "deep.jsonl", "{\"a\":1}\n" + new string('[', Deep) + new string(']', Deep) },
        { "deep.html", "<html><body>" + string.Concat(Enumerable.Repeat("<div>", Deep)) + "text" },
        { "deep-lists.html", "<html><body>" + string.Concat(Enumerable.Repeat("<ul><li>", Deep)) + "text" },
        { "deep-fonts.html", "<html><body>" + string.Concat(Enumerable.Repeat("<font><b>", Deep)) + "text" },
        { "deep.xml", "<?xml version=\"1.0\"?>" + string.Concat(Enumerable.Repeat("<a>", Deep)) + "x" + string.Concat(Enumerable.Repeat("</a>", Deep)) },
        { "deep-quotes.md", new string('>', Deep) + " text" },
        { "deep-lists.md", string.Concat(Enumerable.Range(0, 500).Select(i => new string(' ', i * 2) + "- item\n")) },
        { "deep-item.md", string.Concat(Enumerable.Repeat("- ", Deep)) + "text" },
        { "deep.rtf", "{\\rtf1 " + new string('{', Deep) + "text" + new string('}', Deep) + "}" },
    };

    [Theory]
    [MemberData(nameof(DeepFiles))]
    public void Nesting_ten_thousand_deep_is_refused_as_hostile(string name, string content)
    {
        var clock = Stopwatch.StartNew();
        var refusal = ParsingData.Refuse(name, Encoding.UTF8.GetBytes(content));
        refusal.Reason.ShouldBe("hostile");
        refusal.Message.ShouldContain("deep");
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(20));
    }

    [Theory]
    [InlineData("brackets.md", "[", 50_000)]
    [InlineData("images.md", "![", 20_000)]
    [InlineData("stars.md", "*a ", 50_000)]
    [InlineData("underscores.md", "_a__", 20_000)]
    [InlineData("ticks.md", "`a``b", 20_000)]
    [InlineData("comments.html", "<!--", 50_000)]
    [InlineData("open.html", "<p><a href=x>", 5_000)]
    [InlineData("tables.html", "<table><tr><td>", 900)]
    [InlineData("angles.html", "<", 200_000)]
    [InlineData("quotes.csv", "\"", 500_000)]
    [InlineData("roles.rst", ":a:`", 20_000)]
    [InlineData("shortcodes.md", "{{< ", 20_000)]
    public void Markup_repeated_without_end_is_read_or_refused_in_time(string name, string unit, int times)
    {
        var clock = Stopwatch.StartNew();
        Outcome(name, Encoding.UTF8.GetBytes("text\n\n" + string.Concat(Enumerable.Repeat(unit, times))));
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromMilliseconds(new ParsingOptions().TimeoutMs));
    }

    [Fact]
    public void A_page_just_within_the_depth_bound_is_read_without_exhausting_the_stack() =>
        ParsingData.Parse("page.html", "<html><body>" + string.Concat(Enumerable.Repeat("<div>", 900)) + "the text at the bottom").Text.ShouldBe("the text at the bottom");

    [Fact]
    public void An_xml_entity_bomb_is_refused_as_hostile_in_every_format_that_holds_xml()
    {
        const string bomb = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;"><!ENTITY z "&y;&y;&y;&y;">]><a>&z;</a>""";
        ParsingData.Refuse("bomb.xml", Encoding.UTF8.GetBytes(bomb)).Reason.ShouldBe("hostile");
        ParsingData.Refuse("bomb.docx", ParsingData.Zip(("[Content_Types].xml", "<Types/>"), ("word/document.xml", bomb))).Reason.ShouldBe("hostile");
        ParsingData.Refuse("bomb.xlsx", ParsingData.Zip(("[Content_Types].xml", "<Types/>"), ("xl/workbook.xml", bomb))).Reason.ShouldBe("hostile");
        ParsingData.Refuse("bomb.pptx", ParsingData.Zip(("[Content_Types].xml", "<Types/>"), ("ppt/presentation.xml", bomb))).Reason.ShouldBe("hostile");
        ParsingData.Refuse("bomb.odt", ParsingData.Zip(("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", bomb))).Reason.ShouldBe("hostile");
        ParsingData.Refuse("bomb.epub", ParsingData.Zip(("mimetype", "application/epub+zip"), ("META-INF/container.xml", bomb))).Reason.ShouldBe("hostile");
    }

    [Fact]
    public void An_entity_bomb_behind_a_long_comment_does_not_expand()
    {
        string late = $"<?xml version=\"1.0\"?><!--{new string('x', 100_000)}--><!DOCTYPE a [<!ENTITY x \"ha\"><!ENTITY y \"&x;&x;\">]><a>&y;</a>";
        ParsingData.Refuse("late.xml", Encoding.UTF8.GetBytes(late)).Reason.ShouldBe("broken");
    }

    [Fact]
    public void An_external_entity_is_never_fetched()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        File.WriteAllText(path, "a secret of this machine");
        try
        {
            string xml = $"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"file://{path}\">]><a>&x;</a>";
            ParsingData.Refuse("external.xml", Encoding.UTF8.GetBytes(xml)).Reason.ShouldBe("hostile");
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_part_that_unpacks_without_end_is_refused_as_a_bomb()
    {
        byte[] bomb = ParsingData.Zip(("[Content_Types].xml", "<Types/>"u8.ToArray()), ("word/document.xml", new byte[300 * 1024 * 1024]));
        bomb.Length.ShouldBeLessThan(4_000_000);
        ParsingData.Refuse("bomb.docx", bomb).Reason.ShouldBe("hostile");
    }

    [Fact]
    public void Styles_based_on_each_other_do_not_loop()
    {
        const string styles = """<w:styles xmlns:w="w"><w:style w:styleId="A"><w:basedOn w:val="B"/></w:style><w:style w:styleId="B"><w:basedOn w:val="A"/></w:style></w:styles>""";
        const string relations = """<Relationships><Relationship Id="s" Type="x/styles" Target="styles.xml"/></Relationships>""";
        byte[] docx = ParsingData.Docx("""<w:p><w:pPr><w:pStyle w:val="A"/></w:pPr><w:r><w:t>text</w:t></w:r></w:p>""", ("word/styles.xml", styles), ("word/_rels/document.xml.rels", relations));
        ParsingData.Parse("loop.docx", docx).Text.ShouldBe("text");
    }

    [Fact]
    public void A_pdf_whose_pages_refer_to_themselves_is_refused_or_read_in_time()
    {
        const string pdf = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 3/Kids[2 0 R 2 0 R]>>endobj\ntrailer<</Root 1 0 R>>\nstartxref\n0\n%%EOF";
        var clock = Stopwatch.StartNew();
        Outcome("cycle.pdf", Encoding.ASCII.GetBytes(pdf)).ShouldNotBe("text");
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void A_pdf_whose_page_unpacks_without_end_is_refused_or_read_in_time()
    {
        byte[] packed = Packed(200 * 1024 * 1024);
        using var pdf = new MemoryStream();
        pdf.Write(Encoding.ASCII.GetBytes($"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n4 0 obj<</Length {packed.Length}/Filter/FlateDecode>>stream\n"));
        pdf.Write(packed);
        pdf.Write("\nendstream endobj\ntrailer<</Root 1 0 R>>\nstartxref\n0\n%%EOF"u8);
        var clock = Stopwatch.StartNew();
        Outcome("bomb.pdf", pdf.ToArray()).ShouldNotBe("text");
        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void A_text_longer_than_the_bound_is_refused_as_too_large() =>
        Assert.Throws<ParseException>(() => FormatParser.Parse("long.txt", Encoding.UTF8.GetBytes(new string('x', 2_000)), 1_000)).Reason.ShouldBe("too_large");

    [Theory]
    [InlineData("nothing.txt", "")]
    [InlineData("blank.txt", " \r\n\t ")]
    [InlineData("front.md", "---\ntitle: only a title\n---\n")]
    [InlineData("empty.json", "{}")]
    [InlineData("empty.html", "<html><head><title>x</title></head><body><script>1</script></body></html>")]
    public void A_file_without_text_is_refused_as_empty(string name, string content) =>
        ParsingData.Refuse(name, Encoding.UTF8.GetBytes(content)).Reason.ShouldBe("empty");

    private static byte[] Packed(int bytes)
    {
        using var stream = new MemoryStream();
        using (var zlib = new ZLibStream(stream, CompressionLevel.Fastest, leaveOpen: true))
        {
            byte[] block = new byte[1 << 20];
            Array.Fill(block, (byte)' ');
            for (int i = 0; i < bytes; i += block.Length) zlib.Write(block);
        }
        return stream.ToArray();
    }

    private static string Outcome(string name, byte[] content)
    {
        try
        {
            ParsingData.Parse(name, content);
            return "text";
        }
        catch (ParseException e)
        {
            return e.Reason;
        }
    }
}
