using Rag.Ingestion.Parsing.Formats;

namespace Rag.Ingestion.Parsing;

/// <summary>
/// One file to one document, in this process and on this thread: bounded in depth and unpacked size, not in time or
/// memory (see <see cref="DocumentParser"/> for those).
/// </summary>
internal static class FormatParser
{
    /// <exception cref="ParseException">Every way in which it can fail.</exception>
    public static ParsedDocument Parse(string name, ReadOnlyMemory<byte> content, int maxTextChars) =>
        Parse(new(name, content, FileTypes.Detect(name, content.Span), maxTextChars));

    /// <exception cref="ParseException">Every way in which it can fail.</exception>
    public static ParsedDocument Parse(ParseInput input)
    {
        if (input.Content.IsEmpty) throw Empty(input.Type);
        if (Refusal(input.Type) is { } refusal) throw refusal;
        try
        {
            var document = Dispatch(input);
            return document.Blocks.Count == 0 ? throw Empty(input.Type) : Named(document, input.Name);
        }
        catch (Exception e) when (e is not (ParseException or OutOfMemoryException))
        {
            // The libraries answer damaged input with exceptions of many kinds; all mean the same to the sender.
            throw new ParseException("broken", $"the file is damaged and cannot be read as {input.Type.MediaType}. Open it in the program that made it and save it again.", e);
        }
    }

    /// <summary>Why a type is not read at all, with the remedy; null when it is read.</summary>
    public static ParseException? Refusal(FileType type) => type.Format switch
    {
        FileFormat.EncryptedOffice => new("encrypted", "the file is protected by a password. Save it without the password."),
        FileFormat.LegacyOffice => new("unsupported", type.MediaType switch
        {
            "application/vnd.ms-excel" => "this is the Excel format from before 2007. Open it and save it as XLSX.",
            "application/vnd.ms-powerpoint" => "this is the PowerPoint format from before 2007. Open it and save it as PPTX.",
            "application/msword" => "this is the Word format from before 2007. Open it and save it as DOCX.",
            "application/vnd.ms-outlook" => "this is an Outlook message. Save it as EML.",
            _ => "this is an Office format from before 2007. Open it and save it as DOCX, XLSX or PPTX.",
        }),
        FileFormat.Zip => new("unsupported", "this is an archive; its files are read one by one. Unpack it."),
        FileFormat.Unsupported => new("unsupported", type.MediaType.Split('/')[0] switch
        {
            "image" => "this is an image, in which there is no text to read. Run text recognition (OCR) and send the result as PDF.",
            "audio" or "video" => "this is a recording. Send its transcript.",
            _ => $"files of this kind ({type.MediaType}) are not read. Export it as PDF, DOCX, HTML or plain text.",
        }),
        _ => null,
    };

    private static ParsedDocument Dispatch(ParseInput input) => input.Type.Format switch
    {
        FileFormat.PlainText => PlainTextParser.Parse(input),
        FileFormat.RestructuredText => RestructuredTextParser.Parse(input),
        FileFormat.Markdown => MarkdownParser.Parse(input),
        FileFormat.Html => HtmlParser.Parse(input),
        FileFormat.Xml => XmlParser.Parse(input),
        FileFormat.Csv => CsvParser.Parse(input),
        FileFormat.Json => JsonParser.Parse(input),
        FileFormat.JsonLines => JsonLinesParser.Parse(input),
        FileFormat.Pdf => PdfParser.Parse(input),
        FileFormat.Docx => DocxParser.Parse(input),
        FileFormat.Pptx => PptxParser.Parse(input),
        FileFormat.Xlsx => XlsxParser.Parse(input),
        FileFormat.OpenDocumentText => OdtParser.Parse(input),
        FileFormat.Epub => EpubParser.Parse(input),
        FileFormat.Email => EmailParser.Parse(input),
        FileFormat.Rtf => RtfParser.Parse(input),
        _ => throw new ParseException("unsupported", $"files of this kind ({input.Type.MediaType}) are not read."),
    };

    private static ParseException Empty(FileType type) => new("empty", type.Format == FileFormat.Pdf
        ? "there is no text in this file, perhaps because it shows scanned pages. Run text recognition (OCR) first."
        : "there is no text in this file. Check that it is the one you meant to send.");

    private static ParsedDocument Named(ParsedDocument document, string name)
    {
        if (document.Title.Length > 0) return document.Title.Length <= 500 ? document : document with { Title = document.Title[..499] + "…" };
        string fallback = ParsedTextBuilder.Clean(Path.GetFileNameWithoutExtension(name)).Trim();
        return document with { Title = fallback.Length > 0 ? fallback : "untitled" };
    }
}
