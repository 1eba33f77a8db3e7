using System.Globalization;
using System.Xml.Linq;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>WordprocessingML (ECMA-376 part 1, chapter 17): body, then footnotes, endnotes and comments.</summary>
internal sealed class DocxParser
{
    private readonly ParsedTextBuilder _builder;
    private readonly DocxStyles _styles;
    private readonly DocxNumbering _numbering;
    private int _list;
    private string _listId = "";

    private DocxParser(ParsedTextBuilder builder, DocxStyles styles, DocxNumbering numbering) =>
        (_builder, _styles, _numbering) = (builder, styles, numbering);

    public static ParsedDocument Parse(ParseInput input)
    {
        var package = OpcPackage.Open(input);
        var (part, root) = package.Main("word/document.xml");
        var builder = input.Builder();
        var parser = new DocxParser(builder, new(package.Xml(package.Target(part, "/styles"))), new(package.Xml(package.Target(part, "/numbering"))));
        if (root.Child("body") is { } body)
        {
            parser.Blocks(body);
            foreach (var (how, text) in DocxText.Unseen(body)) builder.Hide(how, text);
        }
        parser.Notes(package.Xml(package.Target(part, "/footnotes")), "footnote", "Footnote");
        parser.Notes(package.Xml(package.Target(part, "/endnotes")), "endnote", "Endnote");
        parser.Notes(package.Xml(package.Target(part, "/comments")), "comment", "Comment");
        var (title, metadata) = package.Properties();
        return builder.Build(title, input.Type.MediaType, metadata);
    }

    private void Blocks(XElement container)
    {
        foreach (var element in container.Elements())
        {
            switch (element.Name.LocalName)
            {
                case "p":
                    Paragraph(element);
                    break;
                case "tbl":
                    Table(element);
                    break;
                case "sdt":
                    if (element.Child("sdtContent") is { } content) Blocks(content);
                    break;
                case "customXml" or "ins" or "smartTag":
                    Blocks(element);
                    break;
            }
        }
    }

    private void Paragraph(XElement paragraph)
    {
        string text = DocxText.Of(paragraph).Trim();
        if (text.Length > 0) Write(paragraph, text);
        foreach (var box in DocxText.TextBoxes(paragraph)) Blocks(box);
    }

    private void Write(XElement paragraph, string text)
    {
        var properties = paragraph.Child("pPr");
        string? style = properties.Child("pStyle").Attr("val");
        int? level = _styles.HeadingLevel(style, properties.Child("outlineLvl").Attr("val"));
        var numbering = properties.Child("numPr") ?? _styles.Numbering(style);
        string id = numbering.Child("numId").Attr("val") ?? "";
        _ = int.TryParse(numbering.Child("ilvl").Attr("val"), NumberStyles.None, CultureInfo.InvariantCulture, out int depth);
        string? marker = id is "" or "0" ? null : _numbering.Next(id, depth);
        if (level is { } heading)
        {
            _list = 0;
            _builder.Heading(heading, marker is null or "-" ? text : $"{marker} {text}");
        }
        else if (marker is not null)
        {
            if (_list == 0 || _listId != id) _list = _builder.NewGroup();
            _listId = id;
            _builder.ListItem(_list, depth, marker + " ", text);
        }
        else
        {
            _list = 0;
            if (_styles.IsCode(style)) _builder.Code(text);
            else _builder.Paragraph(text);
        }
    }

    private void Table(XElement table)
    {
        _list = 0;
        int group = _builder.NewGroup();
        foreach (var row in DocxText.Rows(table))
        {
            var cells = DocxText.Cells(row).ToList();
            // A one-cell table is a frame around text, not a table.
            if (cells.Count == 1 && DocxText.Rows(table).Take(2).Count() == 1) Blocks(cells[0]);
            else _builder.TableRow(group, cells.SelectMany(CellTexts));
        }
    }

    private static IEnumerable<string> CellTexts(XElement cell)
    {
        var properties = cell.Child("tcPr");
        var merge = properties.Child("vMerge");
        // The lower cells of a vertical merge are empty by definition.
        yield return merge is not null && merge.Attr("val") != "restart" ? "" : string.Join(' ', cell.Below("p").Select(DocxText.Of));
        _ = int.TryParse(properties.Child("gridSpan").Attr("val"), NumberStyles.None, CultureInfo.InvariantCulture, out int span);
        for (int i = 1; i < Math.Min(span, 50); i++) yield return "";
    }

    private void Notes(XElement? notes, string element, string label)
    {
        foreach (var note in notes.Children(element))
        {
            // Separators between text and notes are notes of their own type.
            if (note.Attr("type") is not (null or "normal")) continue;
            string text = ParsedTextBuilder.Collapse(string.Join(' ', note.Below("p").Select(DocxText.Of)));
            string author = note.Attr("author") is { Length: > 0 } name ? $" by {name}" : "";
            if (text.Length > 0) _builder.Paragraph($"{label}{(author.Length > 0 ? author : $" {note.Attr("id")}")}: {text}");
        }
    }
}
