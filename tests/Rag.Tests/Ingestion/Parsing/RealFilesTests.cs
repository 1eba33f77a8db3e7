using Rag.Ingestion.Parsing;
using Shouldly;
using Xunit;

namespace Rag.Tests.Ingestion.Parsing;

/// <summary>Every file of the test collection has its expected outcome here: a phrase of its text, or its reason.</summary>
public sealed class RealFilesTests
{
    private static readonly Dictionary<string, string> Phrases = new()
    {
        ["002-trivial-libre-office-writer.pdf"] = "sed diam nonumy eirmod tempor invidunt ut labore et dolore magna aliquyam erat, sed diam voluptua.",
        ["EmbeddedDocument.docx"] = "Let me see what happens if I insert a worksheet.",
        ["EmbeddedOutlook.docx"] = "This is a test with embedded outlook message:",
        ["EmbeddedPDF.docx"] = "Test Document with embedded pdf’s:",
        ["a_bii-s-2_metabolite profiling_NMR spectroscopy.txt"] = "Sample Name | Protocol REF | Extract Name",
        ["a_metabolome.txt"] = "C-0.1-aliquot1 | internal | EHDAA",
        ["a_microarray.txt"] = "Hybridization Assay Name | Comment[ArrayExpress Accession]",
        ["big-preamble.html"] = "основано в 1999 году, представляет собой команду профессионалов",
        ["comments.docx"] = "A tachyon walks into a bar.",
        ["embedded-style-map.docx"] = "Walking on imported air",
        ["endnotes.docx"] = "Endnote 2: A tachyon walks into a bar.",
        ["foo.csv"] = "456 | qwertyuiop | 98765",
        ["footnote-hyperlink.docx"] = "Footnote 1: Example",
        ["footnotes.docx"] = "Footnote 1: A tachyon walks into a bar.",
        ["inline-image.pdf"] = "Test",
        ["minimal-document.pdf"] = "no sea takimata sanctus est Lorem ipsum dolor sit amet.",
        ["multi-language.txt"] = "en ABC let's get this through",
        ["pdflatex-4-pages.pdf"] = "Hello, here is some text without a meaning.",
        ["pdflatex-forms.pdf"] = "Submit",
        ["pdflatex-image.pdf"] = "1 Your Chapter",
        ["pdflatex-outline.pdf"] = "Is there a difference between this text and some nonsense like “Huardest gefburn”?",
        ["protectedSheets.xlsx"] = "защищена формула от чтения в С3",
        ["resume.html"] = "просмотрели Ваше резюме за последние сутки.",
        ["simple-list.docx"] = "- Banana",
        ["single-paragraph.docx"] = "Walking on imported air",
        ["strict-format.docx"] = "Test",
        ["strikethrough.docx"] = "Today's Special: Salmon Sold out",
        ["tables.docx"] = "Top left | Top right\nBottom left | Bottom right",
        ["test-columnar.csv"] = "3 | 9 | This is row 3 of 10 | 30% | 66.7% | 22-03-1960",
        ["test-columnar.xlsx"] = "3 | 9 | This is row 3 of 10 | 30% | 66.67% | 1960-03-22",
        ["test-incremental-updates.eml"] = "This is a container email with an embedded pdf with incremental updates.",
        ["test.html"] = "Hello World!",
        ["testAnnotations.pdf"] = "Note: Here is a comment",
        ["testAppleSingleFile.pdf"] = "Hello World",
        ["testArabicMisleadingCharset.html"] = "في قرية من القرى كان هناك رجل حكيم",
        ["testBrokenHTMLContainingRFC822.html"] = "A whole bunch of text.",
        ["testCSV.csv"] = "| 12 | 144",
        ["testComment.pdf"] = "Comment [MM1]: Here is a comment",
        ["testComment.pptx"] = "Comment: Here is a comment",
        ["testComment.rtf"] = "Comment: Here is a comment",
        ["testComment.xlsx"] = "Here is a comment",
        ["testDataConnections.xlsx"] = "Test data connections",
        ["testEPUB.epub"] = "This is the text for chapter Two",
        ["testEPUB_xml_ext.epub"] = "It was a bright cold day in April, and the clocks were striking thirteen.",
        ["testEmailWithPNGAtt.eml"] = "This email has a PNG attachment included in it",
        ["testFontAfterBufferedText.rtf"] = "Уважаемый клиент!",
        ["testFooter.odt"] = "Here is some text on page 2",
        ["testGroupWiseEml.eml"] = "ssssssssssssssssssssss",
        ["testIgnoreCharset.txt"] = "ACTIVE AGE",
        ["testLotusEml.eml"] = "Message body",
        ["testMARKDOWN.md"] = "Some bold and italic and struck text with inline code.",
        ["testMARKDOWN_dataURI.md"] = "Embedded resources",
        ["testMSChart-govdocs-428996.pptx"] = "Thin Film Partnership Subcontract Budgets",
        ["testNPEOpenDocument.odt"] = "hay que enviar un correo al profesor, firmado y cifrado.",
        ["testODFwithOOo3.odt"] = "Footnote 1: This is of course a simple footnote",
        ["testODTEmbedded.odt"] = "This document has bold and italic text.",
        ["testOptionalHyphen.docx"] = "optionalhyphen",
        ["testOptionalHyphen.pptx"] = "optionalhyphen",
        ["testOptionalHyphen.rtf"] = "optionalhyphen",
        ["testOverlappingText.pdf"] = "Text",
        ["testPDF.pdf"] = "Apache Tika is a toolkit for detecting and extracting metadata and structured text content from various documents using existing parser libraries.",
        ["testPPT.pptx"] = "This has been developed by Rajiv Kumar Nistala.",
        ["testPPTX_Thumbnail.pptx"] = "This file contains an embedded thumbnail",
        ["testPPTX_overlappingRelations.pptx"] = "- Has a relationship to another slide",
        ["testPhoneNumberExtractor.odt"] = "- (949) 666 - 6666",
        ["testRFC822_dkim.eml"] = "We lost the game. Are you hungry yet?",
        ["testRTF-ms932.rtf"] = "こんにちは",
        ["testRTF.rtf"] = "Test d’indexation Word",
        ["testTXT_win-1252.txt"] = "a “windows” encoding",
        ["testThunderbirdEml.eml"] = "Dear Vladimir",
        ["test_recursive_embedded.docx"] = "embed_0",
        ["text-box.docx"] = "Datum plane",
        ["underline.docx"] = "The Sunset Tree",
        ["utf8-bom.docx"] = "This XML has a byte order mark.",
    };

    private static readonly Dictionary<string, string> Reasons = new()
    {
        ["Doc1_ole.doc"] = "unsupported",
        ["empty.docx"] = "empty",
        ["external-picture.docx"] = "empty",
        ["imagemagick-ASCII85Decode.pdf"] = "empty",
        ["imagemagick-CCITTFaxDecode.pdf"] = "empty",
        ["imagemagick-images.pdf"] = "empty",
        ["imagemagick-lzw.pdf"] = "empty",
        ["libreoffice-writer-password.pdf"] = "encrypted",
        ["protect.xlsx"] = "encrypted",
        ["protectedFile.xlsx"] = "encrypted",
        ["test.doc"] = "unsupported",
        ["testBinControlWord.rtf"] = "empty",
        ["testComment.doc"] = "unsupported",
        ["testException1.doc"] = "unsupported",
        ["testException2.doc"] = "unsupported",
        ["testODTEmbeddedImageLink.odt"] = "empty",
        ["testOptionalHyphen.doc"] = "unsupported",
        ["test_ignore_IBM420.html"] = "unsupported",
        ["tiny-picture-target-base-relative.docx"] = "empty",
        ["tiny-picture.docx"] = "empty",
    };

    public static TheoryData<string> Names() => [.. Phrases.Keys.Concat(Reasons.Keys).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_real_file_gives_its_text_or_its_reason(string name)
    {
        byte[] content = File.ReadAllBytes(Path.Combine(ParsingData.FolderOrSkip("files"), name));
        if (Reasons.TryGetValue(name, out string? reason)) ParsingData.Refuse(name, content).Reason.ShouldBe(reason);
        else ParsingData.Parse(name, content).Text.ShouldContain(Phrases[name]);
    }

    [Fact]
    public void No_real_file_is_without_an_expected_outcome()
    {
        var names = Directory.GetFiles(ParsingData.FolderOrSkip("files")).Select(f => Path.GetFileName(f)!);
        names.Where(n => !Phrases.ContainsKey(n) && !Reasons.ContainsKey(n)).ShouldBeEmpty();
    }

    [Fact]
    public void Every_documentation_page_is_parsed_with_a_title_and_without_markup_left_over()
    {
        string folder = ParsingData.FolderOrSkip("docs");
        var noise = new List<string>();
        int parsed = 0;
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            byte[] content = File.ReadAllBytes(file);
            try
            {
                var document = ParsingData.Parse(Path.GetFileName(file), content);
                parsed++;
                if (document.Text.Contains("{{<") || document.Text.Contains("{{%") || document.Text.Contains("<!--") && !HasInCode(document, "<!--")) noise.Add(file);
            }
            catch (ParseException e)
            {
                // A page of front matter alone has nothing to read.
                e.Reason.ShouldBe("empty", file);
            }
        }
        parsed.ShouldBeGreaterThan(700);
        noise.ShouldBeEmpty();
    }

    private static bool HasInCode(ParsedDocument document, string text) =>
        document.Blocks.All(b => b.Kind == BlockKind.Code || !document.Text[b.Start..b.End].Contains(text));
}
