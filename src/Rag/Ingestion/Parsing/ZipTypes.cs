using System.Text;

namespace Rag.Ingestion.Parsing;

/// <summary>What a zip container holds, by its parts: OOXML (ECMA-376), ODF and EPUB (their mimetype entry), or plain files.</summary>
internal static class ZipTypes
{
    private const string Ooxml = "application/vnd.openxmlformats-officedocument.";

    public static FileType Detect(ReadOnlySpan<byte> content)
    {
        // Names in local headers are enough, and hold for a container whose end is damaged: EPUB and ODF store their
        // media type uncompressed as the first entry.
        var head = content[..Math.Min(content.Length, 200)];
        if (head.IndexOf("mimetypeapplication/epub+zip"u8) > 0) return new(FileFormat.Epub, "application/epub+zip");
        if (head.IndexOf("mimetypeapplication/vnd.oasis.opendocument.text"u8) > 0) return OpenDocument;
        if (head.IndexOf("mimetypeapplication/vnd.oasis.opendocument."u8) > 0)
            return new(FileFormat.Unsupported, "application/vnd.oasis.opendocument");
        if (content.IndexOf("word/document"u8) > 0 && Has(content, "[Content_Types].xml"u8)) return new(FileFormat.Docx, Ooxml + "wordprocessingml.document");
        if (content.IndexOf("ppt/presentation"u8) > 0 && Has(content, "[Content_Types].xml"u8)) return new(FileFormat.Pptx, Ooxml + "presentationml.presentation");
        if (content.IndexOf("xl/workbook"u8) > 0 && Has(content, "[Content_Types].xml"u8)) return new(FileFormat.Xlsx, Ooxml + "spreadsheetml.sheet");
        return ByEntries(content) ?? new FileType(FileFormat.Zip, "application/zip");
    }

    private static FileType OpenDocument => new(FileFormat.OpenDocumentText, "application/vnd.oasis.opendocument.text");

    private static bool Has(ReadOnlySpan<byte> content, ReadOnlySpan<byte> name) => content.IndexOf(name) > 0;

    private static FileType? ByEntries(ReadOnlySpan<byte> content)
    {
        if (content.IndexOf("mimetype"u8) < 0 && content.IndexOf("META-INF/"u8) < 0) return null;
        try
        {
            var zip = ZipParts.Open(content.ToArray());
            string mimetype = zip.Read("mimetype") is { } bytes ? Encoding.ASCII.GetString(bytes.AsSpan(0, Math.Min(bytes.Length, 100))).Trim() : "";
            if (mimetype == "application/epub+zip" || zip.Contains("META-INF/container.xml")) return new(FileFormat.Epub, "application/epub+zip");
            return mimetype.StartsWith("application/vnd.oasis.opendocument.text", StringComparison.Ordinal) ? OpenDocument : null;
        }
        catch (Exception e) when (e is ParseException or InvalidDataException or IOException)
        {
            return null;
        }
    }
}
