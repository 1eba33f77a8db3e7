using System.Text;
using System.Text.RegularExpressions;
using AngleSharp.Dom;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>The text of an HTML element that is one block: white space as a browser shows it.</summary>
internal static partial class HtmlText
{
    public static string Of(IElement element)
    {
        var text = new StringBuilder();
        Append(element, text, preformatted: false);
        return TrimLines(text.ToString());
    }

    public static string Preformatted(IElement element)
    {
        var text = new StringBuilder();
        Append(element, text, preformatted: true);
        return text.ToString();
    }

    public static string TrimLines(string text) =>
        text.Contains('\n') ? string.Join('\n', text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)) : text.Trim();

    public static bool HidesIt(string style) => Hidden().IsMatch(style);

    private static void Append(INode parent, StringBuilder text, bool preformatted)
    {
        for (var node = parent.FirstChild; node is not null; node = node.NextSibling)
        {
            if (node is IText data)
            {
                if (preformatted) text.Append(data.Data);
                else text.Append(Spaces().Replace(data.Data, " "));
            }
            else if (node is IElement element && !HtmlWriter.IsSkipped(element))
            {
                bool line = element.LocalName is "p" or "div" or "li" or "tr";
                if (element.LocalName == "br" || (line && text.Length > 0 && text[^1] != '\n')) text.Append('\n');
                Append(element, text, preformatted);
                if (line && !preformatted) text.Append('\n');
                else if (element.LocalName is "td" or "th") text.Append(' ');
            }
        }
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex(@"display\s*:\s*none|visibility\s*:\s*hidden", RegexOptions.IgnoreCase)]
    private static partial Regex Hidden();
}
