using System.Globalization;
using System.Text;
using System.Xml.Linq;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>PresentationML (ECMA-376 part 1, chapter 19): a slide is a page, its title a heading; then its notes and comments.</summary>
internal sealed class PptxParser(ParsedTextBuilder builder)
{
    private static readonly HashSet<string> Furniture = new(StringComparer.Ordinal) { "sldNum", "dt", "ftr", "hdr", "sldImg" };

    public static ParsedDocument Parse(ParseInput input)
    {
        var package = OpcPackage.Open(input);
        var (part, root) = package.Main("ppt/presentation.xml");
        var builder = input.Builder();
        var parser = new PptxParser(builder);
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        int number = 0;
        foreach (var id in root.Child("sldIdLst").Children("sldId"))
        {
            number++;
            // Of the two ids the one in the relationships namespace names the part.
            string? relation = id.Attributes().FirstOrDefault(a => a.Name.LocalName == "id" && a.Name.NamespaceName.Length > 0)?.Value;
            if (package.TargetById(part, relation) is not { } slide || !seen.Add(slide) || package.Xml(slide) is not { } tree) continue;
            builder.Page = number;
            parser.Slide(tree);
            parser.Notes(package.Xml(package.Target(slide, "/notesSlide")));
            parser.Comments(package.Xml(package.Target(slide, "/comments")));
        }
        var (title, metadata) = package.Properties();
        metadata["slides"] = number.ToString(CultureInfo.InvariantCulture);
        return builder.Build(IsUseful(title) ? title : null, input.Type.MediaType, metadata);
    }

    private static bool IsUseful(string? title) => title is not (null or "PowerPoint Presentation" or "Slide 1");

    private void Slide(XElement slide)
    {
        var shapes = slide.Child("cSld").Child("spTree");
        if (shapes is null) return;
        var title = shapes.Below("sp").FirstOrDefault(IsTitle);
        if (title is not null) builder.Heading(1, Text(title));
        Shapes(shapes, title);
    }

    private void Shapes(XElement tree, XElement? title)
    {
        foreach (var element in tree.Elements())
        {
            if (element.Is("sp") && element != title) Shape(element);
            else if (element.Is("graphicFrame")) Frame(element);
            else if (element.Name.LocalName is "grpSp") Shapes(element, title);
            else if (element.Is("AlternateContent") && element.Child("Choice") is { } choice) Shapes(choice, title);
        }
    }

    private void Shape(XElement shape)
    {
        string? kind = Placeholder(shape);
        if (kind is not null && Furniture.Contains(kind)) return;
        // Body placeholders are bulleted unless they say otherwise; free text boxes are not.
        bool bulleted = kind is "body" or "" or "obj" || shape.Below("buChar").Any() || shape.Below("buAutoNum").Any();
        var paragraphs = shape.Child("txBody").Children("p").Select(p => (Element: p, Text: Paragraph(p))).Where(p => p.Text.Trim().Length > 0).ToList();
        bool list = bulleted && paragraphs.Count > 1;
        int group = list ? builder.NewGroup() : 0;
        int number = 0;
        foreach (var (element, text) in paragraphs)
        {
            var properties = element.Child("pPr");
            if (!list || properties.Child("buNone") is not null)
            {
                builder.Paragraph(text);
                continue;
            }
            _ = int.TryParse(properties.Attr("lvl"), NumberStyles.None, CultureInfo.InvariantCulture, out int depth);
            builder.ListItem(group, depth, properties.Child("buAutoNum") is null ? "- " : $"{++number}. ", text);
        }
    }

    private void Frame(XElement frame)
    {
        foreach (var table in frame.Below("tbl").Take(1))
        {
            int group = builder.NewGroup();
            foreach (var row in table.Children("tr"))
                builder.TableRow(group, row.Children("tc").Select(c => string.Join(' ', c.Below("p").Select(Paragraph))));
        }
    }

    private void Notes(XElement? notes)
    {
        if (notes is null) return;
        foreach (var shape in notes.Below("sp").Where(s => Placeholder(s) is "body"))
        {
            string text = string.Join('\n', shape.Child("txBody").Children("p").Select(Paragraph).Where(t => t.Trim().Length > 0));
            if (text.Length > 0) builder.Paragraph("Notes: " + text);
        }
    }

    private void Comments(XElement? comments)
    {
        foreach (var comment in comments.Children("cm"))
            if (comment.Child("text")?.Value is { Length: > 0 } text) builder.Paragraph("Comment: " + ParsedTextBuilder.Collapse(text));
    }

    private static bool IsTitle(XElement shape) => Placeholder(shape) is "title" or "ctrTitle" && Text(shape).Length > 0;

    /// <summary>Null for a shape of its own, "" for a placeholder without a type, else the type.</summary>
    private static string? Placeholder(XElement shape) =>
        shape.Child("nvSpPr").Child("nvPr").Child("ph") is { } placeholder ? placeholder.Attr("type") ?? "" : null;

    private static string Text(XElement shape) =>
        ParsedTextBuilder.Collapse(string.Join(' ', shape.Child("txBody").Children("p").Select(Paragraph)));

    private static string Paragraph(XElement paragraph)
    {
        var text = new StringBuilder();
        foreach (var element in paragraph.Elements())
        {
            if (element.Name.LocalName is "r" or "fld") text.Append(element.Child("t")?.Value);
            else if (element.Is("br")) text.Append('\n');
        }
        return text.ToString();
    }
}
