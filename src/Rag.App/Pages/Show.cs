using System.Globalization;
using Rag.Ingestion;

namespace Rag.App.Pages;

/// <summary>Values as people read them, and addresses of pages.</summary>
internal static class Show
{
    public static string Size(long bytes) => bytes switch
    {
        < 1_000 => $"{bytes} B",
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.#} kB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.#} MB"),
    };

    public static string Number(long n) => n.ToString("N0", CultureInfo.InvariantCulture);

    public static string Count(long n, string one, string? many = null) => $"{Number(n)} {(n == 1 ? one : many ?? one + "s")}";

    public static string Time(DateTimeOffset t) => t.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);

    public static string Iso(DateTimeOffset t) => t.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Where something stands in its document: headings without the title that is shown beside them, and the page.</summary>
    public static string Place(string title, string headingPath, int? page)
    {
        string path = headingPath == title ? "" : headingPath.StartsWith(title + Chunk.HeadingSeparator, StringComparison.Ordinal) ? headingPath[(title.Length + Chunk.HeadingSeparator.Length)..] : headingPath;
        return page is null ? path : path.Length == 0 ? $"page {page}" : $"{path}, page {page}";
    }

    public static string AskUrl(string question, string collection, int? source = null, string after = "") =>
        $"/?q={Uri.EscapeDataString(question)}&collection={Uri.EscapeDataString(collection)}{(after.Length == 0 ? "" : $"&after={Uri.EscapeDataString(after)}")}{(source is null ? "" : $"&source={source}#{DocumentText.MarkId}")}";

    /// <summary>A question as it begins a line: the record keeps it without capitals.</summary>
    public static string Question(string kept) => kept.Length == 0 ? kept : char.ToUpperInvariant(kept[0]) + kept[1..];

    public static string AnswerUrl(string id, int? source = null) => $"/answers/{Uri.EscapeDataString(id)}{(source is null ? "" : $"?source={source}#{DocumentText.MarkId}")}";

    public static string DocumentsUrl(string collection) => $"/documents?collection={Uri.EscapeDataString(collection)}";

    public static string DocumentUrl(string collection, string id, long? version = null, int? start = null, int? end = null)
    {
        string url = $"/documents/{Uri.EscapeDataString(collection)}/{Uri.EscapeDataString(id)}";
        return version is null ? url : start is null ? $"{url}?version={version}" : $"{url}?version={version}&start={start}&end={end}#{DocumentText.MarkId}";
    }

    /// <summary>A format by the name that people know it by; what has none keeps its media type (RFC 6838).</summary>
    public static string Format(string mediaType) => mediaType switch
    {
        "text/plain" => "Text",
        "text/markdown" => "Markdown",
        "text/html" or "application/xhtml+xml" => "Web page",
        "text/csv" => "CSV",
        "text/tab-separated-values" => "TSV",
        "text/x-rst" => "reStructuredText",
        "application/pdf" => "PDF",
        "application/rtf" => "RTF",
        "application/json" => "JSON",
        "application/jsonl" => "JSON Lines",
        "application/xml" => "XML",
        "application/epub+zip" => "EPUB",
        "message/rfc822" => "E-mail",
        _ when mediaType.EndsWith("wordprocessingml.document", StringComparison.Ordinal) => "Word",
        _ when mediaType.EndsWith("spreadsheetml.sheet", StringComparison.Ordinal) => "Excel",
        _ when mediaType.EndsWith("presentationml.presentation", StringComparison.Ordinal) => "PowerPoint",
        _ when mediaType.StartsWith("application/vnd.oasis.opendocument.", StringComparison.Ordinal) => "OpenDocument",
        _ => mediaType,
    };

    /// <summary>BCP 47 tag of a full-text language; empty, "unknown", where it stands for several or none.</summary>
    public static string LanguageTag(string language) => language switch
    {
        "arabic" => "ar", "czech" => "cs", "danish" => "da", "dutch" => "nl", "english" => "en", "finnish" => "fi", "french" => "fr", "german" => "de",
        "greek" => "el", "hindi" => "hi", "hungarian" => "hu", "italian" => "it", "norwegian" => "no", "portuguese" => "pt", "romanian" => "ro",
        "russian" => "ru", "spanish" => "es", "swedish" => "sv", "turkish" => "tr",
        _ => "",
    };
}
