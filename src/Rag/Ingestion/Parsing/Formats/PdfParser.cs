using UglyToad.PdfPig;
using UglyToad.PdfPig.Content;
using UglyToad.PdfPig.Core;
using UglyToad.PdfPig.Exceptions;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>
/// PDF by layout: letters to words to lines to blocks, in reading order of columns; paragraphs joined across line ends,
/// headings by size, running heads and page numbers left out.
/// </summary>
internal static class PdfParser
{
    private const int MaxPages = 10_000;
    private const int MaxAnnotationsPerPage = 500;

    public static ParsedDocument Parse(ParseInput input)
    {
        using var pdf = Open(input.ToArray());
        if (pdf.NumberOfPages > MaxPages)
            throw new ParseException("too_large", $"the file has {pdf.NumberOfPages:N0} pages; at most {MaxPages:N0} are read. Split it.");
        var pages = new List<PdfPageText>();
        long chars = 0;
        bool damaged = false;
        for (int number = 1; number <= pdf.NumberOfPages; number++)
        {
            if (ReadPage(pdf, number) is not { } page)
            {
                damaged = true;
                continue;
            }
            chars += page.Lines.Sum(l => (long)l.Text.Length);
            if (chars > input.MaxTextChars) throw new ParseException("too_large", $"the extracted text is longer than {input.MaxTextChars:N0} characters. Split the document.");
            pages.Add(page);
        }
        if (damaged && pages.All(p => p.Lines.Count == 0)) throw Broken(null);
        var builder = input.Builder();
        new PdfTextWriter(builder, pages).Write();
        return builder.Build(Title(pdf), input.Type.MediaType, Metadata(pdf));
    }

    private static PdfDocument Open(byte[] content)
    {
        try
        {
            return PdfDocument.Open(content, new UglyToad.PdfPig.ParsingOptions { UseLenientParsing = true, SkipMissingFonts = true, Passwords = [""] });
        }
        catch (PdfDocumentEncryptedException e)
        {
            throw new ParseException("encrypted", "the file opens only with a password. Save it without the password.", e);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw Broken(e);
        }
    }

    private static ParseException Broken(Exception? e) =>
        new("broken", "the file is damaged and cannot be read as PDF. Open it in a PDF viewer and print or save it again as PDF.", e);

    /// <summary>The page's lines and notes, or null where this page is damaged: the others may still be read.</summary>
    private static PdfPageText? ReadPage(PdfDocument pdf, int number)
    {
        try
        {
            var page = pdf.GetPage(number);
            return new(number, page.Height, PdfLayout.Lines(page), Notes(page), PdfLayout.Unseen(page));
        }
        catch (Exception e) when (e is not (ParseException or OutOfMemoryException))
        {
            return null;
        }
    }

    /// <summary>What reviewers wrote on the page: comments and free text, not links or form widgets.</summary>
    private static List<string> Notes(Page page)
    {
        try
        {
            return page.GetAnnotations().Take(MaxAnnotationsPerPage)
                .Where(a => a.Type is not (UglyToad.PdfPig.Annotations.AnnotationType.Link or UglyToad.PdfPig.Annotations.AnnotationType.Widget or UglyToad.PdfPig.Annotations.AnnotationType.Popup))
                .Select(a => a.Content ?? "").Where(c => !string.IsNullOrWhiteSpace(c)).ToList();
        }
        catch (Exception e) when (e is PdfDocumentFormatException or InvalidOperationException or ArgumentException or NullReferenceException or InvalidCastException or FormatException or KeyNotFoundException)
        {
            return [];
        }
    }

    private static string? Title(PdfDocument pdf)
    {
        string title = ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(pdf.Information.Title ?? ""));
        // Programs that had no title wrote their own name, the file's, or nothing useful.
        bool useless = title.StartsWith("Microsoft ", StringComparison.Ordinal) || title.Equals("untitled", StringComparison.OrdinalIgnoreCase)
            || title.Contains('\uFFFD') || Path.GetExtension(title) is { Length: > 2 and <= 5 } extension && !extension.Contains(' ');
        return useless ? null : title;
    }

    private static Dictionary<string, string> Metadata(PdfDocument pdf)
    {
        var metadata = new Dictionary<string, string> { ["pages"] = pdf.NumberOfPages.ToString(System.Globalization.CultureInfo.InvariantCulture) };
        if (Value(pdf.Information.Author) is { } author) metadata["author"] = author;
        if (Value(pdf.Information.Subject) is { } subject) metadata["subject"] = subject;
        if (Value(pdf.Information.Keywords) is { } keywords) metadata["keywords"] = keywords;
        return metadata;
    }

    private static string? Value(string? text) =>
        string.IsNullOrWhiteSpace(text) ? null : ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(text));
}
