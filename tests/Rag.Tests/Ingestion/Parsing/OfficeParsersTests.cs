using System.Text;
using Rag.Ingestion.Parsing;
using Rag.Ingestion.Parsing.Formats;
using Shouldly;
using UglyToad.PdfPig.Content;
using UglyToad.PdfPig.Core;
using UglyToad.PdfPig.Fonts.Standard14Fonts;
using UglyToad.PdfPig.Writer;
using Xunit;

namespace Rag.Tests.Ingestion.Parsing;

public sealed class OfficeParsersTests
{
    private const string Relations = """<Relationships><Relationship Id="s" Type="x/styles" Target="styles.xml"/><Relationship Id="n" Type="x/numbering" Target="numbering.xml"/></Relationships>""";

    [Fact]
    public void Word_headings_lists_and_tables_are_told_by_style_numbering_and_markup()
    {
        const string styles = """
            <w:styles xmlns:w="w"><w:style w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>
            <w:style w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="berschrift2"/></w:style></w:styles>
            """;
        const string numbering = """
            <w:numbering xmlns:w="w"><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="3"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
            <w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum><w:num w:numId="7"><w:abstractNumId w:val="0"/></w:num></w:numbering>
            """;
        string body = Paragraph("Chapter", "<w:pStyle w:val=\"Mine\"/>") + Item("first", 0) + Item("inner", 1) + Item("again", 1) + Item("second", 0)
            + """<w:p><w:r><w:t>kept</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins><w:r><w:t xml:space="preserve"> added</w:t></w:r></w:ins></w:p>"""
            + "<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val=\"2\"/></w:tcPr>" + Paragraph("wide") + "</w:tc><w:tc>" + Paragraph("c") + "</w:tc></w:tr><w:tr><w:tc>" + Paragraph("1") + Paragraph("2") + "</w:tc></w:tr></w:tbl>";
        var document = ParsingData.Parse("x.docx", ParsingData.Docx(body, ("word/styles.xml", styles), ("word/numbering.xml", numbering), ("word/_rels/document.xml.rels", Relations)));
        ParsingData.Texts(document).ShouldBe(["Chapter", "3. first", "3.a) inner", "3.b) again", "4. second", "kept added", "wide |  | c", "1 2"]);
        document.Blocks[0].ShouldBe(new TextBlock(BlockKind.Heading, 0, 7, 2));
        document.Blocks[1].Group.ShouldBe(document.Blocks[4].Group);

        static string Item(string text, int level) => Paragraph(text, $"<w:numPr><w:ilvl w:val=\"{level}\"/><w:numId w:val=\"7\"/></w:numPr>");
    }

    [Theory]
    [InlineData("14", "43831", "2020-01-01")]
    [InlineData("22", "43831.5", "2020-01-01 12:00")]
    [InlineData("20", "0.75", "18:00:00")]
    [InlineData("9", "0.25", "25%")]
    [InlineData("10", "0.12345", "12.35%")]
    [InlineData("2", "3.14159", "3.14")]
    [InlineData("0", "0.30000000000000004", "0.3")]
    [InlineData("0", "123456789012", "123456789012")]
    [InlineData("0", "text", "text")]
    public void A_number_of_a_sheet_is_shown_as_its_format_means_it(string format, string value, string shown)
    {
        var styles = BoundedXml.Load(Encoding.UTF8.GetBytes($"<styleSheet><cellXfs><xf numFmtId=\"{format}\"/></cellXfs></styleSheet>"), "styles");
        new XlsxFormats(styles, from1904: false).Show(value, "0").ShouldBe(shown);
    }

    [Fact]
    public void A_pdf_in_two_columns_is_read_column_by_column_with_words_made_whole()
    {
        string[] left = ["The left column begins here and it", "speaks of the harbour, of its admini-", "stration and of the ships that come", "there every spring to be repaired."];
        string[] right = ["The right column is read after it.", "It speaks of the mountains and the", "roads that lead across them in the", "short summer of that country."];
        var builder = new PdfDocumentBuilder();
        var font = builder.AddStandard14Font(Standard14Font.Helvetica);
        for (int number = 1; number <= 3; number++)
        {
            var page = builder.AddPage(PageSize.A4);
            page.AddText("The yearly report", 8, new PdfPoint(250, 815), font);
            page.AddText($"{number}", 8, new PdfPoint(297, 20), font);
            page.AddText("Report on the harbour", 18, new PdfPoint(60, 740), font);
            for (int i = 0; i < 4; i++)
            {
                page.AddText(left[i], 10, new PdfPoint(60, 700 - (i * 12)), font);
                page.AddText(right[i], 10, new PdfPoint(320, 700 - (i * 12)), font);
            }
        }
        var document = ParsingData.Parse("x.pdf", builder.Build());
        string[] page1 = ["Report on the harbour", "The left column begins here and it speaks of the harbour, of its administration and of the ships that come there every spring to be repaired.",
            "The right column is read after it. It speaks of the mountains and the roads that lead across them in the short summer of that country."];
        ParsingData.Texts(document).ShouldBe([.. page1, .. page1, .. page1]);
        document.Blocks.Select(b => b.Page).ShouldBe([1, 1, 1, 2, 2, 2, 3, 3, 3]);
        document.Blocks[0].Kind.ShouldBe(BlockKind.Heading);
    }

    [Fact]
    public void A_protected_book_is_refused_as_encrypted()
    {
        byte[] book = ParsingData.Zip(("mimetype", "application/epub+zip"), ("META-INF/container.xml", "<container><rootfiles><rootfile full-path=\"o/p.opf\"/></rootfiles></container>"),
            ("o/p.opf", "<package><manifest><item id=\"a\" href=\"a.xhtml\"/></manifest><spine><itemref idref=\"a\"/></spine></package>"), ("o/a.xhtml", "garbage"),
            ("META-INF/encryption.xml", "<encryption><EncryptedData><CipherData><CipherReference URI=\"o/a.xhtml\"/></CipherData></EncryptedData></encryption>"));
        ParsingData.Refuse("x.epub", book).Reason.ShouldBe("encrypted");
    }

    [Fact]
    public void Attachments_of_a_message_are_read_under_their_names_and_the_others_listed()
    {
        const string mail = """
            From: Ann <ann@example.org>
            To: bob@example.org
            Subject: =?utf-8?q?Z=C3=BCrich?=
            Date: Tue, 3 Mar 2026 10:00:00 +0100
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary="b"

            --b
            Content-Type: text/html; charset=utf-8

            <p>See the <b>file</b>.</p>
            --b
            Content-Type: text/csv; name="a.csv"
            Content-Disposition: attachment; filename="a.csv"

            k,v
            1,2
            --b
            Content-Type: application/octet-stream
            Content-Disposition: attachment; filename="x.gif"

            GIF89a
            --b--
            """;
        var document = ParsingData.Parse("x.eml", mail.ReplaceLineEndings("\r\n"));
        document.Title.ShouldBe("Zürich");
        ParsingData.Texts(document).ShouldBe(["Zürich", "See the file.", "a.csv", "k | v", "1 | 2"]);
        document.Metadata["date"].ShouldBe("2026-03-03T10:00:00+01:00");
        document.Metadata["attachments_not_read"].ShouldBe("x.gif (unsupported)");
    }

    [Fact]
    public void Rtf_tables_footnotes_and_hidden_text_go_where_they_belong()
    {
        const string rtf = """{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\stylesheet{\s1 heading 1;}}{\*\generator X;}\pard\s1 Title\par\pard Caf\'e9 \u8364?5{\footnote A note.}{\v secret}\par\trowd\intbl a\cell b\cell\row\pard end\~here\par}""";
        ParsingData.Texts(ParsingData.Parse("x.rtf", rtf)).ShouldBe(["Title", "Café €5", "a | b", "end here", "Footnote: A note."]);
    }

    private static string Paragraph(string text, string properties = "") => $"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>";
}
