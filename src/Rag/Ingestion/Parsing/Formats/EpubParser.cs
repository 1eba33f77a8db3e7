using System.Globalization;
using System.Xml.Linq;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>EPUB (W3C EPUB 3 and OPF 2): the chapters in the order of the spine, each read as HTML.</summary>
internal static class EpubParser
{
    private const int MaxSpine = 5_000;

    public static ParsedDocument Parse(ParseInput input)
    {
        var zip = ZipParts.Open(input.ToArray());
        string path = Xml(zip, "META-INF/container.xml").Below("rootfile").FirstOrDefault().Attr("full-path")
            ?? zip.Names.FirstOrDefault(n => n.EndsWith(".opf", StringComparison.OrdinalIgnoreCase))
            ?? throw Broken("it does not say what is in it");
        var package = Xml(zip, path) ?? throw Broken($"\"{path}\" is missing");
        var encrypted = Xml(zip, "META-INF/encryption.xml").Below("CipherReference").Select(r => Uri.UnescapeDataString(r.Attr("URI") ?? "")).ToHashSet(StringComparer.Ordinal);
        string folder = path.Contains('/') ? path[..(path.LastIndexOf('/') + 1)] : "";
        var items = package.Child("manifest").Children("item").GroupBy(i => i.Attr("id") ?? "").ToDictionary(g => g.Key, g => g.First());
        var builder = input.Builder();
        // A contents page repeats the chapters' names, which the chapters bring themselves.
        var contents = package.Child("guide").Children("reference").Where(r => r.Attr("type") == "toc").Select(r => OpcPackage.Resolve(folder, r.Attr("href") ?? "")).ToHashSet(StringComparer.Ordinal);
        int chapters = 0;
        foreach (var reference in package.Child("spine").Children("itemref").Take(MaxSpine))
        {
            if (!items.TryGetValue(reference.Attr("idref") ?? "", out var item)) continue;
            string chapter = OpcPackage.Resolve(folder, item.Attr("href") ?? "");
            if (encrypted.Contains(chapter)) throw new ParseException("encrypted", "the book is protected against copying (DRM), so its text cannot be read. Send an unprotected copy.");
            if (item.Attr("properties")?.Contains("nav", StringComparison.Ordinal) == true || contents.Contains(chapter) || zip.Read(chapter) is not { } bytes) continue;
            chapters++;
            HtmlParser.WriteFragment(TextDecoder.Decode(bytes).Text, builder);
        }
        var meta = package.Child("metadata");
        return builder.Build(meta.Child("title")?.Value, input.Type.MediaType, Metadata(meta, chapters));
    }

    private static Dictionary<string, string> Metadata(XElement? meta, int chapters)
    {
        var metadata = new Dictionary<string, string> { ["chapters"] = chapters.ToString(CultureInfo.InvariantCulture) };
        foreach (var (element, key) in new[] { ("creator", "author"), ("language", "language"), ("publisher", "publisher"), ("date", "created"), ("identifier", "identifier") })
            if (meta.Child(element)?.Value is { Length: > 0 } value) metadata[key] = ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(value));
        return metadata;
    }

    private static XElement? Xml(ZipParts zip, string part) => zip.Read(part) is { } bytes ? BoundedXml.Load(bytes, part) : null;

    private static ParseException Broken(string what) => new("broken", $"the book is damaged: {what}. Export it again.");
}
