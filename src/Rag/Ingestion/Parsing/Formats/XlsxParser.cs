using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>SpreadsheetML (ECMA-376 part 1, chapter 18): a sheet is a page under its name, its rows one table.</summary>
internal static class XlsxParser
{
    private const int MaxColumns = 16_384;
    // A table further right than this is read without the empty columns before it.
    private const int MaxGap = 50;

    public static ParsedDocument Parse(ParseInput input)
    {
        var package = OpcPackage.Open(input);
        var (part, workbook) = package.Main("xl/workbook.xml");
        var strings = SharedStrings(package.Xml(package.Target(part, "/sharedStrings")));
        var formats = new XlsxFormats(package.Xml(package.Target(part, "/styles")), Is1904(workbook));
        var builder = input.Builder();
        int number = 0;
        foreach (var sheet in workbook.Child("sheets").Children("sheet"))
        {
            number++;
            string? relation = sheet.Attributes().FirstOrDefault(a => a.Name.LocalName == "id" && a.Name.NamespaceName.Length > 0)?.Value;
            if (package.TargetById(part, relation) is not { } target || package.Bytes(target) is not { } bytes) continue;
            builder.Page = number;
            Sheet(bytes, target, sheet.Attr("name") ?? $"Sheet {number}", strings, formats, builder);
            foreach (var comment in package.Xml(package.Target(target, "/comments")).Child("commentList").Children("comment"))
                builder.Paragraph($"Comment on {comment.Attr("ref")}: {ParsedTextBuilder.Collapse(string.Concat(comment.Below("t").Select(t => t.Value)))}");
        }
        var (title, metadata) = package.Properties();
        metadata["sheets"] = number.ToString(CultureInfo.InvariantCulture);
        // The first sheet's name says little about the whole; the file's name says more.
        return builder.Build(title ?? Path.GetFileNameWithoutExtension(input.Name), input.Type.MediaType, metadata);
    }

    private static bool Is1904(XElement workbook) => workbook.Child("workbookPr").Attr("date1904") is "1" or "true";

    private static List<string> SharedStrings(XElement? table) => table.Children("si").Select(Rich).ToList();

    /// <summary>The runs of a string, without the phonetic guides that stand beside them.</summary>
    private static string Rich(XElement item) =>
        string.Concat(item.Elements().Where(e => e.Name.LocalName is "t" or "r").Select(e => e.Is("t") ? e.Value : e.Child("t")?.Value));

    private static void Sheet(byte[] xml, string part, string name, List<string> strings, XlsxFormats formats, ParsedTextBuilder builder)
    {
        try
        {
            using var reader = BoundedXml.Open(xml, part);
            bool headed = false;
            int group = builder.NewGroup();
            while (reader.Read())
            {
                if (reader.Depth > BoundedXml.MaxDepth) throw new ParseException("hostile", $"\"{part}\" nests deeper than {BoundedXml.MaxDepth} levels. Save the workbook again.");
                if (reader.NodeType != XmlNodeType.Element || reader.LocalName != "row") continue;
                var cells = Row(reader, strings, formats);
                if (cells.All(string.IsNullOrWhiteSpace)) continue;
                if (!headed) builder.Heading(1, name);
                headed = true;
                builder.TableRow(group, cells);
            }
        }
        catch (XmlException e)
        {
            throw BoundedXml.Broken(part, e);
        }
    }

    private static List<string> Row(XmlReader reader, List<string> strings, XlsxFormats formats)
    {
        var cells = new List<string>();
        if (reader.IsEmptyElement) return cells;
        using var row = reader.ReadSubtree();
        while (row.Read())
        {
            if (row.NodeType != XmlNodeType.Element || row.LocalName != "c") continue;
            int column = Column(row.GetAttribute("r")) ?? cells.Count;
            string text = Cell(row, strings, formats);
            if (column > cells.Count + MaxGap) column = cells.Count;
            while (cells.Count < column) cells.Add("");
            if (cells.Count >= MaxColumns) continue;
            cells.Add(text);
        }
        return cells;
    }

    private static string Cell(XmlReader reader, List<string> strings, XlsxFormats formats)
    {
        string? type = reader.GetAttribute("t"), style = reader.GetAttribute("s");
        if (reader.IsEmptyElement) return "";
        string value = "", inline = "";
        using var cell = reader.ReadSubtree();
        while (cell.Read())
        {
            // ReadElementContentAsString would step over what follows; text nodes do not.
            if (cell.NodeType != XmlNodeType.Element || cell.IsEmptyElement) continue;
            if (cell.LocalName is "v" or "t" && cell.Read() && cell.NodeType is XmlNodeType.Text or XmlNodeType.SignificantWhitespace or XmlNodeType.CDATA)
            {
                if (type == "inlineStr") inline += cell.Value;
                else value = cell.Value;
            }
        }
        return type switch
        {
            "s" => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < strings.Count ? strings[index] : "",
            "inlineStr" => inline,
            "b" => value == "1" ? "TRUE" : "FALSE",
            "str" or "e" or "d" => value,
            _ => formats.Show(value, style),
        };
    }

    /// <summary>Column from 0 of a reference such as "AB12".</summary>
    private static int? Column(string? reference)
    {
        if (reference is null) return null;
        int column = 0;
        foreach (char c in reference)
        {
            if (!char.IsAsciiLetterUpper(c)) break;
            column = (column * 26) + (c - 'A' + 1);
            if (column > MaxColumns) return null;
        }
        return column == 0 ? null : column - 1;
    }
}
