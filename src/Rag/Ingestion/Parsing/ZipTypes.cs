using System.Text;

namespace Rag.Ingestion.Parsing;

/// <summary>What a zip container holds, by its parts: OOXML (ECMA-376), ODF and EPUB (their mimetype entry), or plain files.</summary>
internal static class ZipTypes
{
    private const string Ooxml = "application/vnd.openxmlformats-officedocument.";
    private const string Odf = "application/vnd.oasis.opendocument.";
    private const int MaxMimetypeBytes = 1_000;

    private static readonly FileType Archive = new(FileFormat.Zip, "application/zip");
    private static readonly FileType Docx = new(FileFormat.Docx, Ooxml + "wordprocessingml.document");
    private static readonly FileType Pptx = new(FileFormat.Pptx, Ooxml + "presentationml.presentation");
    private static readonly FileType Xlsx = new(FileFormat.Xlsx, Ooxml + "spreadsheetml.sheet");
    private static readonly FileType Epub = new(FileFormat.Epub, "application/epub+zip");
    private static readonly FileType Odt = new(FileFormat.OpenDocumentText, Odf + "text");

    public static FileType Detect(ReadOnlySpan<byte> content)
    {
        try
        {
            return ByParts(ZipParts.Open(content.ToArray()));
        }
        catch (ParseException)
        {
            // Damaged or absurd: the names in local headers still say what it was meant to be, and what to tell the sender.
            return ByNames(content);
        }
    }

    private static FileType ByParts(ZipParts zip)
    {
        if (zip.Contains("[Content_Types].xml"))
        {
            if (zip.Names.Any(n => n.StartsWith("word/document", StringComparison.OrdinalIgnoreCase))) return Docx;
            if (zip.Names.Any(n => n.StartsWith("ppt/presentation", StringComparison.OrdinalIgnoreCase))) return Pptx;
            if (zip.Contains("xl/workbook.xml")) return Xlsx;
            if (zip.Names.Any(n => n.StartsWith("xl/workbook", StringComparison.OrdinalIgnoreCase))) return new(FileFormat.Unsupported, "application/vnd.ms-excel.sheet.binary");
        }
        string mimetype = zip.Read("mimetype", MaxMimetypeBytes) is { } bytes ? Encoding.ASCII.GetString(bytes).Trim() : "";
        if (mimetype == Epub.MediaType || zip.Contains("META-INF/container.xml")) return Epub;
        if (mimetype.StartsWith(Odt.MediaType, StringComparison.Ordinal)) return Odt;
        return mimetype.StartsWith(Odf, StringComparison.Ordinal) ? new(FileFormat.Unsupported, mimetype) : Archive;
    }

    private static FileType ByNames(ReadOnlySpan<byte> content)
    {
        var head = content[..Math.Min(content.Length, 200)];
        if (head.IndexOf("mimetypeapplication/epub+zip"u8) > 0) return Epub;
        if (head.IndexOf("mimetypeapplication/vnd.oasis.opendocument.text"u8) > 0) return Odt;
        if (content.IndexOf("[Content_Types].xml"u8) < 0) return Archive;
        if (content.IndexOf("word/document"u8) > 0) return Docx;
        if (content.IndexOf("ppt/presentation"u8) > 0) return Pptx;
        return content.IndexOf("xl/workbook"u8) > 0 ? Xlsx : Archive;
    }
}
