using System.Xml.Linq;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>XML of no known kind: each element that holds text of its own is a paragraph, named where the name tells something.</summary>
internal static class XmlParser
{
    private static readonly HashSet<string> Titles = new(StringComparer.OrdinalIgnoreCase) { "title", "name", "heading", "head", "subject" };

    public static ParsedDocument Parse(ParseInput input)
    {
        var builder = input.Builder();
        var root = BoundedXml.Load(input.ToArray(), input.Name);
        Element(root, builder, 1);
        string? title = root.Elements().FirstOrDefault(e => Titles.Contains(e.Name.LocalName) && !e.HasElements)?.Value;
        return builder.Build(title, input.Type.MediaType);
    }

    private static void Element(XElement element, ParsedTextBuilder builder, int level)
    {
        if (element.Nodes().Any(n => n is XText text && !string.IsNullOrWhiteSpace(text.Value)))
        {
            string text = ParsedTextBuilder.Collapse(element.Value);
            if (Titles.Contains(element.Name.LocalName)) builder.Heading(level, text);
            else builder.Paragraph(element.HasElements || text.Length > 60 ? text : $"{element.Name.LocalName}: {text}");
            return;
        }
        foreach (var child in element.Elements()) Element(child, builder, level + 1);
    }
}
