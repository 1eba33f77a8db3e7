using System.Text;
using System.Xml.Linq;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>The text of WordprocessingML paragraphs: runs, tabs, breaks, inserted text; not deleted text or field codes.</summary>
internal static class DocxText
{
    // Parts of a paragraph that hold no text of its own; text boxes and drawings are read apart.
    private static readonly HashSet<string> Skipped = new(StringComparer.Ordinal)
    {
        "pPr", "rPr", "del", "moveFrom", "delText", "instrText", "delInstrText", "txbxContent", "drawing", "pict", "object", "fldData", "Fallback",
        "bookmarkStart", "bookmarkEnd", "annotationRef", "footnoteRef", "endnoteRef",
    };

    public static string Of(XElement paragraph)
    {
        var text = new StringBuilder();
        Append(paragraph, text);
        return text.ToString();
    }

    private static void Append(XElement parent, StringBuilder text)
    {
        foreach (var element in parent.Elements())
        {
            switch (element.Name.LocalName)
            {
                case "t":
                    text.Append(element.Value);
                    break;
                case "tab" or "ptab":
                    text.Append('\t');
                    break;
                case "br" or "cr":
                    text.Append('\n');
                    break;
                case "noBreakHyphen":
                    text.Append('-');
                    break;
                case "sym" when element.Attr("char") is { Length: 4 } code && int.TryParse(code, System.Globalization.NumberStyles.HexNumber, null, out int value):
                    // Symbol fonts map their signs to a private area that means nothing elsewhere.
                    text.Append(value is >= 0xE000 and <= 0xF8FF ? ' ' : (char)value);
                    break;
                case var name when !Skipped.Contains(name):
                    Append(element, text);
                    break;
            }
        }
    }

    /// <summary>Runs that are written and not seen, those that follow each other together: hidden, smaller than two points, or white, which may lie on a shade.</summary>
    public static IEnumerable<(string How, string Text)> Unseen(XElement body)
    {
        string? open = null;
        var text = new StringBuilder();
        foreach (var run in body.Below("r"))
        {
            string? how = How(run.Child("rPr"));
            if (how != open && text.Length > 0)
            {
                yield return (open!, text.ToString());
                text.Clear();
            }
            open = how;
            if (how is not null) Append(run, text);
        }
        if (text.Length > 0) yield return (open!, text.ToString());
    }

    private static string? How(XElement? properties)
    {
        if (properties is null) return null;
        if (properties.Child("vanish") is { } vanish && vanish.Attr("val") is not ("0" or "false")) return HiddenText.Invisible;
        if (properties.Child("sz").Attr("val") is { } size && int.TryParse(size, System.Globalization.CultureInfo.InvariantCulture, out int halfPoints) && halfPoints < 4) return HiddenText.NoSize;
        return "FFFFFF".Equals(properties.Child("color").Attr("val"), StringComparison.OrdinalIgnoreCase) ? HiddenText.Folded : null;
    }

    /// <summary>
    /// Text boxes anchored in a paragraph, each once: the same box is written for new readers (Choice) and for old ones
    /// (Fallback). Boxes inside boxes are reached through their own paragraphs.
    /// </summary>
    public static IEnumerable<XElement> TextBoxes(XElement paragraph) =>
        paragraph.Below("txbxContent").Where(box =>
            box.Ancestors().TakeWhile(a => a != paragraph).All(a => a.Name.LocalName is not ("txbxContent" or "Fallback" or "del")));

    public static IEnumerable<XElement> Rows(XElement table) => Unwrapped(table, "tr");

    public static IEnumerable<XElement> Cells(XElement row) => Unwrapped(row, "tc");

    /// <summary>Children of that name, also those inside content controls.</summary>
    private static IEnumerable<XElement> Unwrapped(XElement parent, string name)
    {
        foreach (var element in parent.Elements())
        {
            if (element.Is(name)) yield return element;
            else if (element.Name.LocalName is "sdt" or "sdtContent" or "customXml" or "ins")
                foreach (var inner in Unwrapped(element, name)) yield return inner;
        }
    }
}
