using System.Text;
using System.Text.RegularExpressions;

namespace Rag.Ingestion.Parsing;

/// <summary>
/// Says what a file is, by its content first and its name second: signatures at the start of the file, the parts of a
/// zip container, then the look of the text. The name only decides between kinds of text that look alike.
/// </summary>
internal static partial class FileTypes
{
    private const int SniffBytes = 64 * 1024;

    public static FileType Detect(string name, ReadOnlySpan<byte> content)
    {
        string extension = Path.GetExtension(name).ToLowerInvariant();
        return BySignature(content) ?? ByText(extension, content);
    }

    private static FileType? BySignature(ReadOnlySpan<byte> content)
    {
        // The PDF specification lets a header stand anywhere in the first 1,024 bytes.
        int pdf = content[..Math.Min(content.Length, 1024)].IndexOf("%PDF-"u8);
        if (pdf == 0 || (pdf > 0 && content.IndexOf("startxref"u8) > 0)) return new(FileFormat.Pdf, "application/pdf");
        if (content.StartsWith("PK\u0003\u0004"u8) || content.StartsWith("PK\u0005\u0006"u8)) return ZipTypes.Detect(content);
        if (content.StartsWith((ReadOnlySpan<byte>)[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1])) return Compound(content);
        if (content.StartsWith("{\\rtf"u8)) return new(FileFormat.Rtf, "application/rtf");
        string? binary = BinaryMediaType(content);
        return binary is null ? null : new FileType(FileFormat.Unsupported, binary);
    }

    private static string? BinaryMediaType(ReadOnlySpan<byte> content)
    {
        if (content.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G'])) return "image/png";
        if (content.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])) return "image/jpeg";
        if (content.StartsWith("GIF87a"u8) || content.StartsWith("GIF89a"u8)) return "image/gif";
        if (content.StartsWith("II*\0"u8) || content.StartsWith("MM\0*"u8)) return "image/tiff";
        if (content.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B])) return "application/gzip";
        if (content.StartsWith((ReadOnlySpan<byte>)[(byte)'7', (byte)'z', 0xBC, 0xAF])) return "application/x-7z-compressed";
        if (content.StartsWith("Rar!"u8)) return "application/vnd.rar";
        if (content.Length > 262 && content.Slice(257, 5).SequenceEqual("ustar"u8)) return "application/x-tar";
        if (content.StartsWith((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F'])) return "application/x-executable";
        if (content.StartsWith("SQLite format 3\0"u8)) return "application/vnd.sqlite3";
        if (content.StartsWith("ID3"u8) || content.StartsWith("OggS"u8)) return "audio/mpeg";
        return content.Length > 12 && content.Slice(4, 4).SequenceEqual("ftyp"u8) ? "video/mp4" : null;
    }

    /// <summary>An OLE compound file (MS-CFB) tells what it holds by the names of its streams, in UTF-16LE.</summary>
    private static FileType Compound(ReadOnlySpan<byte> content)
    {
        if (content.IndexOf(Encoding.Unicode.GetBytes("EncryptedPackage")) >= 0) return new(FileFormat.EncryptedOffice, "application/x-ole-storage");
        if (content.IndexOf(Encoding.Unicode.GetBytes("WordDocument")) >= 0) return new(FileFormat.LegacyOffice, "application/msword");
        if (content.IndexOf(Encoding.Unicode.GetBytes("PowerPoint Document")) >= 0) return new(FileFormat.LegacyOffice, "application/vnd.ms-powerpoint");
        if (content.IndexOf(Encoding.Unicode.GetBytes("Workbook")) >= 0) return new(FileFormat.LegacyOffice, "application/vnd.ms-excel");
        return content.IndexOf(Encoding.Unicode.GetBytes("__properties_version")) >= 0
            ? new(FileFormat.LegacyOffice, "application/vnd.ms-outlook")
            : new(FileFormat.LegacyOffice, "application/x-ole-storage");
    }

    private static FileType ByText(string extension, ReadOnlySpan<byte> content)
    {
        var head = content[..Math.Min(content.Length, SniffBytes)];
        if (TextDecoder.LooksBinary(head)) return new(FileFormat.Unsupported, "application/octet-stream");
        string text = TextDecoder.Decode(head, partial: true).Text;
        string start = text.TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        return ByLook(extension, text, start) ?? ByExtension(extension) ?? new(FileFormat.PlainText, "text/plain");
    }

    private static FileType? ByLook(string extension, string text, string start)
    {
        if (start.StartsWith("<?xml", StringComparison.OrdinalIgnoreCase))
            return XmlRoot().Match(start) is { Success: true } root && root.Groups[1].Value.Equals("html", StringComparison.OrdinalIgnoreCase)
                ? new(FileFormat.Html, "application/xhtml+xml")
                : new(FileFormat.Xml, "application/xml");
        // Readme files in Markdown often begin with a piece of HTML.
        bool named = extension is ".md" or ".markdown" or ".mdx" or ".rst" or ".csv" or ".tsv";
        if (named) return HtmlPage().IsMatch(start) ? new(FileFormat.Html, "text/html") : null;
        if (HtmlStart().IsMatch(start) || extension is ".html" or ".htm" or ".xhtml") return new(FileFormat.Html, "text/html");
        if (extension is ".eml" or ".mht" or ".mhtml" || IsMail(start)) return new(FileFormat.Email, "message/rfc822");
        if (start.StartsWith('{') || start.StartsWith('[')) return JsonLook(extension, start);
        return extension is ".txt" or "" or ".tab" && IsTabular(text) ? new(FileFormat.Csv, "text/tab-separated-values") : null;
    }

    private static FileType? JsonLook(string extension, string start)
    {
        if (extension is ".jsonl" or ".ndjson" || JsonLinesStart().IsMatch(start)) return new(FileFormat.JsonLines, "application/jsonl");
        return extension is ".json" or ".geojson" || JsonStart().IsMatch(start) ? new(FileFormat.Json, "application/json") : null;
    }

    /// <summary>True when the text begins with RFC 5322 header lines, among them one that only mail has.</summary>
    private static bool IsMail(string start)
    {
        int headers = 0;
        bool mail = false;
        foreach (string line in start.Split('\n', 200))
        {
            if (line.Length == 0 || line == "\r") break;
            if (line[0] is ' ' or '\t' && headers > 0) continue;
            int colon = line.IndexOf(':');
            if (headers == 0 && line.StartsWith("From ", StringComparison.Ordinal)) continue;
            if (colon is < 1 or > 60 || line.AsSpan(0, colon).ContainsAnyExcept(HeaderNameChars)) return false;
            headers++;
            mail |= line[..colon].ToLowerInvariant() is "received" or "message-id" or "mime-version" or "return-path" or "delivered-to" or "dkim-signature";
        }
        return mail && headers >= 3;
    }

    private static readonly System.Buffers.SearchValues<char> HeaderNameChars =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private static FileType? ByExtension(string extension) => extension switch
    {
        ".md" or ".markdown" or ".mdx" or ".mkd" => new(FileFormat.Markdown, "text/markdown"),
        ".rst" or ".rest" => new(FileFormat.RestructuredText, "text/x-rst"),
        ".csv" => new(FileFormat.Csv, "text/csv"),
        ".tsv" or ".tab" => new(FileFormat.Csv, "text/tab-separated-values"),
        ".json" => new(FileFormat.Json, "application/json"),
        ".jsonl" or ".ndjson" => new(FileFormat.JsonLines, "application/jsonl"),
        ".xml" => new(FileFormat.Xml, "application/xml"),
        _ => null,
    };

    /// <summary>True when at least three lines, and nearly all of the first twenty, have the same number (two or more) of tabs.</summary>
    private static bool IsTabular(string text)
    {
        var counts = text.Split('\n', 21).Take(20).Where(l => l.Length > 1).Select(l => l.AsSpan().Count('\t')).ToList();
        // The last line of a part read of a file may be cut short.
        if (counts.Count > 3) counts.RemoveAt(counts.Count - 1);
        return counts.Count >= 3 && counts[0] >= 2 && counts.Count(c => c == counts[0]) >= counts.Count * 0.9;
    }

    [GeneratedRegex(@"^<\?xml[^>]{0,500}>\s*(?:<!--.{0,2000}?-->\s*|<!DOCTYPE[^>]{0,2000}>\s*|<\?[^>]{0,500}>\s*)*<(?:\w+:)?(\w+)", RegexOptions.Singleline | RegexOptions.IgnoreCase, 1000)]
    private static partial Regex XmlRoot();

    [GeneratedRegex(@"^(?:<!--.{0,4000}?-->\s*)*<(?:!doctype\s+html|html|head|body|meta|title|table|div|script|style|h1|p)[\s>/]", RegexOptions.Singleline | RegexOptions.IgnoreCase, 1000)]
    private static partial Regex HtmlStart();

    [GeneratedRegex(@"^\{[^\n]*\}\s*\n\s*\{""", RegexOptions.None, 1000)]
    private static partial Regex JsonLinesStart();

    [GeneratedRegex(@"^(?:\{\s*(?:""|\})|\[\s*(?:\{\s*""|\[\s*[\[""\d-]|""[^""]*""\s*[,\]]|-?\d[\d.eE+-]*\s*,))", RegexOptions.None, 1000)]
    private static partial Regex JsonStart();

    [GeneratedRegex(@"^(?:<!doctype\s+html|<html[\s>])", RegexOptions.IgnoreCase, 1000)]
    private static partial Regex HtmlPage();
}
