using System.IO.Compression;
using System.Text;
using Rag.Ingestion.Parsing;
using Xunit;

namespace Rag.Tests.Ingestion.Parsing;

/// <summary>Real files for the tests, files made on the spot, and what must hold for every parsed document.</summary>
internal static class ParsingData
{
    public const int MaxTextChars = 20_000_000;

    public static string? Folder(string name)
    {
        if (Repository() is not { } root) return null;
        string folder = Path.GetFullPath(Path.Combine(root, "..", "shared", "data", name));
        return Directory.Exists(folder) ? folder : null;
    }

    public static string FolderOrSkip(string name)
    {
        string? folder = Folder(name);
        Assert.SkipWhen(folder is null, $"the test data is absent: there is no shared/data/{name} beside the repository");
        return folder!;
    }

    public static string? Repository()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
            if (File.Exists(Path.Combine(at.FullName, "Rag.slnx"))) return at.FullName;
        return null;
    }

    public static ParsedDocument Parse(string name, string content) => Parse(name, Encoding.UTF8.GetBytes(content));

    public static ParsedDocument Parse(string name, byte[] content)
    {
        var document = FormatParser.Parse(name, content, MaxTextChars);
        ShouldBeSound(document);
        return document;
    }

    public static ParseException Refuse(string name, byte[] content) =>
        Assert.Throws<ParseException>(() => FormatParser.Parse(name, content, MaxTextChars));

    public static string[] Texts(ParsedDocument document) => document.Blocks.Select(b => document.Text[b.Start..b.End]).ToArray();

    /// <summary>The promises of <see cref="ParsedDocument"/>, checked from outside.</summary>
    public static void ShouldBeSound(ParsedDocument document)
    {
        int end = 0;
        foreach (var block in document.Blocks)
        {
            Assert.True(block.Start >= end, $"block at {block.Start} begins before {end}, where the one before it ends");
            Assert.True(block.End > block.Start && block.End <= document.Text.Length, $"block {block.Start}..{block.End} is empty or out of range");
            Assert.False(string.IsNullOrWhiteSpace(document.Text[block.Start..block.End]), "a block holds only white space");
            Assert.True(string.IsNullOrWhiteSpace(document.Text[end..block.Start]), "text stands outside the blocks");
            end = block.End;
        }
        Assert.Equal(end, document.Text.Length);
        Assert.False(string.IsNullOrWhiteSpace(document.Title));
        ShouldBeClean(document.Text);
        ShouldBeClean(document.Title);
        foreach (string value in document.Metadata.Values) ShouldBeClean(value);
    }

    public static byte[] Zip(params (string Name, string Content)[] entries) => Zip(entries.Select(e => (e.Name, Encoding.UTF8.GetBytes(e.Content))).ToArray());

    public static byte[] Zip(params (string Name, byte[] Content)[] entries)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries)
            {
                using var entry = zip.CreateEntry(name, name == "mimetype" ? CompressionLevel.NoCompression : CompressionLevel.Optimal).Open();
                entry.Write(content);
            }
        }
        return stream.ToArray();
    }

    /// <summary>A DOCX of one body, with the least that a reader needs.</summary>
    public static byte[] Docx(string body, params (string Name, string Content)[] more) => Zip(
    [
        ("[Content_Types].xml", """<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"""),
        ("_rels/.rels", """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>"""),
        ("word/document.xml", $"""<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>"""),
        .. more,
    ]);

    private static void ShouldBeClean(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1])) i++;
            else Assert.True(!char.IsSurrogate(c) && (!char.IsControl(c) || c is '\n' or '\t'), $"U+{(int)c:X4} at {i} is not clean text");
        }
    }
}
