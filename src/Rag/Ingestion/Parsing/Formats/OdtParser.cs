using System.Globalization;
using System.Text;
using System.Xml.Linq;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>OpenDocument text (ISO/IEC 26300): headings by outline level, lists, tables, notes after the text.</summary>
internal sealed class OdtParser
{
    private const int MaxRepeat = 100;

    private readonly ParsedTextBuilder _builder;
    private readonly List<string> _notes = [];

    private OdtParser(ParsedTextBuilder builder) => _builder = builder;

    public static ParsedDocument Parse(ParseInput input)
    {
        var zip = ZipParts.Open(input.ToArray());
        if (zip.Read("META-INF/manifest.xml") is { } manifest && BoundedXml.Load(manifest, "META-INF/manifest.xml").Below("encryption-data").Any())
            throw new ParseException("encrypted", "the file is protected by a password. Save it without the password.");
        var content = BoundedXml.Load(zip.Read("content.xml") ?? throw new ParseException("broken", "the file is damaged: its content is missing. Save it again."), "content.xml");
        var builder = input.Builder();
        var parser = new OdtParser(builder);
        if (content.Child("body").Child("text") is { } text) parser.Blocks(text, 0, 0);
        foreach (string note in parser._notes) builder.Paragraph(note);
        var meta = zip.Read("meta.xml") is { } bytes ? BoundedXml.Load(bytes, "meta.xml").Child("meta") : null;
        return builder.Build(meta.Child("title")?.Value, input.Type.MediaType, Metadata(meta));
    }

    private static Dictionary<string, string> Metadata(XElement? meta)
    {
        var metadata = new Dictionary<string, string>();
        foreach (var (element, key) in new[] { ("initial-creator", "author"), ("subject", "subject"), ("creation-date", "created"), ("date", "modified") })
            if (meta.Child(element)?.Value is { Length: > 0 } value) metadata[key] = ParsedTextBuilder.Clean(value);
        return metadata;
    }

    private void Blocks(XElement container, int group, int depth)
    {
        foreach (var element in container.Elements())
        {
            switch (element.Name.LocalName)
            {
                case "h":
                    _ = int.TryParse(element.Attr("outline-level"), NumberStyles.None, CultureInfo.InvariantCulture, out int level);
                    _builder.Heading(Math.Max(level, 1), Text(element));
                    Frames(element);
                    break;
                case "p":
                    Paragraph(element);
                    break;
                case "list":
                    List(element, group == 0 ? _builder.NewGroup() : group, depth);
                    break;
                case "table":
                    Table(element);
                    break;
                case "tracked-changes" or "forms" or "sequence-decls" or "variable-decls" or "user-field-decls":
                    break;
                case "frame" or "custom-shape" or "rect":
                    Frames(new XElement("holder", element));
                    break;
                case "title" or "desc":
                    break;
                default:
                    // Sections, indexes and the like only group what is in them.
                    Blocks(element, group, depth);
                    break;
            }
        }
    }

    private void Paragraph(XElement paragraph)
    {
        string text = Text(paragraph);
        if (paragraph.Attr("style-name") is { } style && (style.StartsWith("Preformatted", StringComparison.Ordinal) || style.Equals("Title", StringComparison.Ordinal)))
        {
            if (style == "Title") _builder.Heading(1, text);
            else _builder.Code(text);
        }
        else _builder.Paragraph(text);
        Frames(paragraph);
    }

    private void Frames(XElement paragraph)
    {
        foreach (var box in paragraph.Descendants().Where(IsBox).Where(b => !b.Ancestors().TakeWhile(a => a != paragraph).Any(IsBox)))
            foreach (var block in box.Elements().Where(e => e.Name.LocalName is "p" or "h" or "list" or "table")) Blocks(new XElement("box", block), 0, 0);
    }

    private static bool IsBox(XElement element) => element.Name.LocalName is "text-box" or "custom-shape" or "rect" or "ellipse" or "circle" or "caption";

    private void List(XElement list, int group, int depth)
    {
        foreach (var item in list.Elements().Where(e => e.Name.LocalName is "list-item" or "list-header"))
        {
            bool first = true;
            foreach (var element in item.Elements())
            {
                if (element.Is("list")) List(element, group, depth + 1);
                else if (element.Is("p") && first)
                {
                    _builder.ListItem(group, depth, "- ", Text(element));
                    first = false;
                }
                else Blocks(new XElement("item", element), group, depth);
            }
        }
    }

    private void Table(XElement table)
    {
        int group = _builder.NewGroup();
        foreach (var row in Rows(table))
        {
            var cells = new List<string>();
            foreach (var cell in row.Elements().Where(e => e.Name.LocalName is "table-cell" or "covered-table-cell"))
            {
                string text = string.Join(' ', cell.Elements().SelectMany(e => e.DescendantsAndSelf()).Where(e => e.Name.LocalName is "p" or "h").Select(Text));
                _ = int.TryParse(cell.Attr("number-columns-repeated"), NumberStyles.None, CultureInfo.InvariantCulture, out int repeat);
                for (int i = 0; i < Math.Clamp(repeat, 1, MaxRepeat); i++) cells.Add(text);
            }
            _builder.TableRow(group, cells);
        }
    }

    private static IEnumerable<XElement> Rows(XElement parent) =>
        parent.Elements().SelectMany(e => e.Name.LocalName switch
        {
            "table-row" => [e],
            "table-header-rows" or "table-rows" or "table-row-group" => Rows(e),
            _ => Enumerable.Empty<XElement>(),
        });

    private string Text(XElement element)
    {
        var text = new StringBuilder();
        Append(element, text);
        return text.ToString();
    }

    private void Append(XElement parent, StringBuilder text)
    {
        foreach (var node in parent.Nodes())
        {
            if (node is XText data) text.Append(data.Value.ReplaceLineEndings(" "));
            if (node is not XElement element) continue;
            switch (element.Name.LocalName)
            {
                case "s":
                    _ = int.TryParse(element.Attr("c"), NumberStyles.None, CultureInfo.InvariantCulture, out int count);
                    text.Append(' ', Math.Clamp(count, 1, MaxRepeat));
                    break;
                case "tab":
                    text.Append('\t');
                    break;
                case "line-break":
                    text.Append('\n');
                    break;
                case "note":
                    Note(element, "note-body", element.Attr("note-class") == "endnote" ? "Endnote" : "Footnote");
                    break;
                case "annotation":
                    Note(element, null, "Comment");
                    break;
                case "frame" or "custom-shape" or "rect" or "ellipse" or "circle" or "caption" or "g" or "line" or "object" or "tracked-changes" or "ruby-text" or "annotation-end":
                    break;
                default:
                    Append(element, text);
                    break;
            }
        }
    }

    private void Note(XElement note, string? body, string label)
    {
        var holder = body is null ? note : note.Child(body);
        string words = ParsedTextBuilder.Collapse(string.Join(' ', holder.Children("p").Select(p => p.Value)));
        string number = note.Child("note-citation")?.Value is { Length: > 0 } citation ? " " + citation : "";
        if (words.Length > 0) _notes.Add($"{label}{number}: {words}");
    }
}
