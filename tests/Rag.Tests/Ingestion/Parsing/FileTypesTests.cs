using System.Text;
using Rag.Ingestion.Parsing;
using Shouldly;
using Xunit;

namespace Rag.Tests.Ingestion.Parsing;

public sealed class FileTypesTests
{
    [Theory]
    [InlineData("note.txt", "%PDF-1.7\n", FileFormat.Pdf)]
    [InlineData("letter.doc", "{\\rtf1 hello}", FileFormat.Rtf)]
    [InlineData("page.txt", "<!DOCTYPE html><html><p>x", FileFormat.Html)]
    [InlineData("page", "  <html lang=en>", FileFormat.Html)]
    [InlineData("page.xml", "<?xml version=\"1.0\"?>\n<!-- c -->\n<html xmlns=\"x\">", FileFormat.Html)]
    [InlineData("data.txt", "<?xml version=\"1.0\"?><data/>", FileFormat.Xml)]
    [InlineData("data.txt", "{\"a\": 1}", FileFormat.Json)]
    [InlineData("data.txt", "{\"a\": 1}\n{\"a\": 2}\n", FileFormat.JsonLines)]
    [InlineData("data.jsonl", "{\"a\": 1}", FileFormat.JsonLines)]
    [InlineData("note.txt", "{curly} and [square] text", FileFormat.PlainText)]
    [InlineData("note.txt", "[1] A footnote that begins a text.", FileFormat.PlainText)]
    [InlineData("mail.txt", "From: a@b.c\nTo: d@e.f\nMessage-ID: <1@b>\nSubject: x\n\nhello", FileFormat.Email)]
    [InlineData("note.txt", "Note: this is no mail\nBut: it has colons\nSubject: none\n\n", FileFormat.PlainText)]
    [InlineData("table.txt", "a\tb\tc\n1\t2\t3\n4\t5\t6\n", FileFormat.Csv)]
    [InlineData("table.csv", "<b>,c", FileFormat.Csv)]
    [InlineData("read.md", "<p align=center>logo</p>\n\n# Title", FileFormat.Markdown)]
    [InlineData("read.md", "<!DOCTYPE html>\n<p>x", FileFormat.Html)]
    [InlineData("read.md", "# Title", FileFormat.Markdown)]
    [InlineData("read.rst", "Title\n=====\n", FileFormat.RestructuredText)]
    [InlineData("unknown.xyz", "just words", FileFormat.PlainText)]
    [InlineData("picture.txt", "GIF89a....", FileFormat.Unsupported)]
    internal void The_content_goes_before_the_name(string name, string content, FileFormat expected) =>
        FileTypes.Detect(name, Encoding.UTF8.GetBytes(content)).Format.ShouldBe(expected);

    [Fact]
    public void Containers_are_told_apart_by_their_own_parts()
    {
        byte[] docx = ParsingData.Docx("<w:p/>");
        FileTypes.Detect("x.zip", docx).Format.ShouldBe(FileFormat.Docx);
        FileTypes.Detect("x.docx", ParsingData.Zip(("mimetype", "application/epub+zip"))).Format.ShouldBe(FileFormat.Epub);
        FileTypes.Detect("x.zip", ParsingData.Zip(("mimetype", "application/vnd.oasis.opendocument.text"))).Format.ShouldBe(FileFormat.OpenDocumentText);
        FileTypes.Detect("x.ods", ParsingData.Zip(("mimetype", "application/vnd.oasis.opendocument.spreadsheet"))).Format.ShouldBe(FileFormat.Unsupported);
        // A document packed as a file of an archive does not make the archive a document.
        FileTypes.Detect("x.docx", ParsingData.Zip(("report.docx", docx))).Format.ShouldBe(FileFormat.Zip);
        FileTypes.Detect("x.docx", docx[..^40]).Format.ShouldBe(FileFormat.Docx);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_unsupported()
    {
        byte[] bytes = new byte[4_000];
        new Random(7).NextBytes(bytes);
        FileTypes.Detect("x.txt", bytes).Format.ShouldBe(FileFormat.Unsupported);
        ParsingData.Refuse("x.txt", bytes).Message.ShouldContain("Export it as PDF");
    }

    [Theory]
    [InlineData("utf-8", "Straße, naïve, 日本語")]
    [InlineData("utf-16", "Straße and more")]
    [InlineData("utf-16BE", "Straße and more")]
    [InlineData("windows-1252", "Die Straße ist schön – “sehr” schön, größer als früher.")]
    [InlineData("windows-1250", "Zażółć gęślą jaźń, proszę państwa: źdźbło trawy już wyrosło, więc idę spać. Łódź leży w środku kraju.")]
    [InlineData("windows-1251", "Это обычный русский текст, который написан в старой кодировке.")]
    [InlineData("koi8-r", "Это обычный русский текст, который написан в старой кодировке.")]
    [InlineData("iso-8859-5", "Это обычный русский текст, который написан в старой кодировке.")]
    [InlineData("cp866", "Это обычный русский текст, который написан в старой кодировке.")]
    [InlineData("windows-1253", "Αυτό είναι ένα απλό κείμενο στα ελληνικά για τη δοκιμή.")]
    [InlineData("windows-1255", "זהו טקסט פשוט בעברית לצורך הבדיקה של הקידוד הישן.")]
    [InlineData("windows-1256", "هذا نص بسيط باللغة العربية من أجل اختبار الترميز القديم.")]
    [InlineData("shift_jis", "これは古い文字コードで書かれた日本語の文章です。")]
    [InlineData("euc-jp", "これは古い文字コードで書かれた日本語の文章です。")]
    [InlineData("iso-2022-jp", "これは古い文字コードで書かれた日本語の文章です。")]
    [InlineData("gb18030", "这是用旧的编码写的中文文章，我们要看看能不能认出来。")]
    [InlineData("big5", "這是用舊的編碼寫的中文文章，我們要看看能不能認出來。")]
    [InlineData("euc-kr", "이것은 오래된 문자 인코딩으로 쓰여진 한국어 문장입니다.")]
    public void A_text_is_read_in_the_encoding_it_was_written_in(string encoding, string text)
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        TextDecoder.Decode(Encoding.GetEncoding(encoding).GetBytes(text)).Text.ShouldBe(text);
    }

    [Fact]
    public void A_byte_order_mark_decides_and_is_not_part_of_the_text()
    {
        foreach (var encoding in new Encoding[] { Encoding.UTF8, Encoding.Unicode, Encoding.BigEndianUnicode, Encoding.UTF32, new UTF32Encoding(true, true) })
            ParsingData.Parse("x.txt", [.. encoding.GetPreamble(), .. encoding.GetBytes("日本")]).Text.ShouldBe("日本");
    }

    [Fact]
    public void A_declared_charset_counts_only_where_the_bytes_allow_it()
    {
        byte[] cyrillic = Encoding.UTF8.GetBytes("<html><head><meta charset=windows-1252></head><body><p>Привет, мир");
        ParsingData.Parse("x.html", cyrillic).Text.ShouldBe("Привет, мир");
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        byte[] czech = Encoding.GetEncoding(28592).GetBytes("<html><head><meta charset='iso-8859-2'></head><body><p>Příliš žluťoučký kůň");
        ParsingData.Parse("x.html", czech).Text.ShouldBe("Příliš žluťoučký kůň");
    }

    [Fact]
    public void A_damaged_byte_in_a_utf8_text_does_not_spoil_the_rest()
    {
        byte[] bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("Grüße aus München. ", 20)));
        bytes[3] = 0xFF;
        ParsingData.Parse("x.txt", bytes).Text.ShouldContain("aus München.");
    }
}
