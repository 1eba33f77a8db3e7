using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>What a paragraph's style says about its part in the document, looked up through the styles that it is based on.</summary>
internal sealed partial class DocxStyles
{
    private const int MaxChain = 20;
    private readonly Dictionary<string, XElement> _styles = new(StringComparer.Ordinal);

    public DocxStyles(XElement? styles)
    {
        foreach (var style in styles.Children("style"))
            if (style.Attr("styleId") is { } id) _styles.TryAdd(id, style);
    }

    /// <summary>1 to 9 for a heading; null for body text. The paragraph's own outline level goes before its style's.</summary>
    public int? HeadingLevel(string? styleId, string? ownOutline)
    {
        if (Outline(ownOutline) is { } own) return own <= 9 ? own : null;
        foreach (var style in Chain(styleId))
        {
            if (Outline(style.Child("pPr").Child("outlineLvl").Attr("val")) is { } level) return level <= 9 ? level : null;
            if (ByName(style.Child("name").Attr("val")) is { } named) return named;
        }
        // A style that the file names but does not define.
        return styleId is not null && !_styles.ContainsKey(styleId) ? ByName(styleId) : null;
    }

    public XElement? Numbering(string? styleId) =>
        Chain(styleId).Select(s => s.Child("pPr").Child("numPr")).FirstOrDefault(n => n is not null);

    public bool IsCode(string? styleId) =>
        Chain(styleId).Any(s => s.Child("name").Attr("val") is { } name && CodeName().IsMatch(name));

    private static int? Outline(string? value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int level) ? level + 1 : null;

    private static int? ByName(string? name)
    {
        if (name is null) return null;
        if (name.Equals("title", StringComparison.OrdinalIgnoreCase)) return 1;
        var match = HeadingName().Match(name);
        return match.Success ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : null;
    }

    /// <summary>The style and those it is based on; bounded, because a damaged file may base styles on each other.</summary>
    private IEnumerable<XElement> Chain(string? styleId)
    {
        for (int i = 0; i < MaxChain && styleId is not null && _styles.TryGetValue(styleId, out var style); i++)
        {
            yield return style;
            styleId = style.Child("basedOn").Attr("val");
        }
    }

    [GeneratedRegex(@"^heading\s*([1-9])$", RegexOptions.IgnoreCase)]
    private static partial Regex HeadingName();

    [GeneratedRegex(@"\b(?:source ?code|code|html preformatted|preformatted|verbatim|listing)\b", RegexOptions.IgnoreCase)]
    private static partial Regex CodeName();
}
