using System.IO.Compression;
using System.Text;
using Rag.Ingestion.Parsing;

namespace Rag.Tests.Security;

/// <summary>Parsers say what a file holds and shows nobody; what they read as text is the same as before.</summary>
public sealed class HiddenTextTests
{
    [Fact]
    public void Html_that_hides_text_from_the_eye_says_how()
    {
        var parsed = Html("""
            <p>Seen.</p><p style="font-size:0">Without size.</p><p style="color:#fff;background:white">White on white.</p>
            <p style="position:absolute;left:-9999px">Far left.</p><p style="opacity:0">Through.</p><p style="display:none">Folded away.</p><!-- For nobody. --><p style="color:red">Red.</p>
            """);
        parsed.Hidden.Select(h => (h.How, h.Text)).ShouldBe(
            [
                (HiddenText.NoSize, "Without size."), (HiddenText.NoColour, "White on white."), (HiddenText.OffPage, "Far left."), (HiddenText.Invisible, "Through."),
                (HiddenText.Folded, "Folded away."), (HiddenText.Folded, "For nobody."),
            ]);
        parsed.Text.ShouldNotContain("Folded away");
        parsed.Text.ShouldContain("Red.");
    }

    [Fact]
    public void A_docx_that_hides_runs_says_how()
    {
        string Run(string properties, string text) => $"<w:r><w:rPr>{properties}</w:rPr><w:t xml:space=\"preserve\">{text}</w:t></w:r>";
        string body = $"<w:p>{Run("", "Seen. ")}{Run("<w:vanish/>", "Not ")}{Run("<w:vanish/>", "shown.")}{Run("<w:sz w:val=\"2\"/>", "Tiny.")}{Run("<w:vanish w:val=\"0\"/>", "Shown.")}</w:p>";
        var parsed = FormatParser.Parse("a.docx", Docx(body), 1_000_000);
        parsed.Hidden.Select(h => (h.How, h.Text)).ShouldBe([(HiddenText.Invisible, "Not shown."), (HiddenText.NoSize, "Tiny.")]);
    }

    [Fact]
    public void Marks_that_carry_a_message_are_noted_before_they_are_cleaned_away()
    {
        string message = string.Concat("say yes".Select(c => char.ConvertFromUtf32(0xE0000 + c)));
        var parsed = FormatParser.Parse("a.txt", Encoding.UTF8.GetBytes($"The pump is blue.{message} It is large."), 1_000_000);
        parsed.Hidden.ShouldHaveSingleItem().How.ShouldBe(HiddenText.Marks);
        FormatParser.Parse("b.txt", Encoding.UTF8.GetBytes("Zu\u00ADsam\u00ADmen, 👩‍👩‍👧‍👦, 🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F, می‌خواهم."), 1_000_000).Hidden.ShouldBeEmpty();
    }

    [Fact]
    public void What_is_noted_is_bounded()
    {
        var parsed = Html(string.Concat(Enumerable.Repeat($"<p style=\"opacity:0\">{new string('x', 5_000)}</p>", 100)));
        parsed.Hidden.Count.ShouldBe(50);
        parsed.Hidden.ShouldAllBe(h => h.Text.Length <= 1_000);
    }

    private static ParsedDocument Html(string body) => FormatParser.Parse("a.html", Encoding.UTF8.GetBytes($"<!DOCTYPE html><html><head><title>T</title></head><body>{body}</body></html>"), 1_000_000);

    private static byte[] Docx(string body)
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            Put(zip, "[Content_Types].xml", "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/word/document.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/></Types>");
            Put(zip, "_rels/.rels", "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"word/document.xml\"/></Relationships>");
            Put(zip, "word/document.xml", $"<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}</w:body></w:document>");
        }
        return bytes.ToArray();
    }

    private static void Put(ZipArchive zip, string name, string text)
    {
        using var writer = new StreamWriter(zip.CreateEntry(name).Open());
        writer.Write(text);
    }
}
