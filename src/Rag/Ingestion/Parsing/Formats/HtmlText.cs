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

    /// <summary>How a style keeps text from the eye that programs read all the same; null where it does not.</summary>
    public static string? Unseen(string style)
    {
        if (NoSize().IsMatch(style)) return HiddenText.NoSize;
        if (OffPage().IsMatch(style)) return HiddenText.OffPage;
        if (Transparent().IsMatch(style)) return HiddenText.Invisible;
        if (Colour().Match(style) is not { Success: true } colour) return null;
        string front = Shade(colour.Groups[1].Value);
        // White on nothing that is said may lie on a dark part of the page; only an order in it is told of.
        return Background().Match(style) is { Success: true } back ? (Shade(back.Groups[1].Value) == front ? HiddenText.NoColour : null) : front == "#ffffff" ? HiddenText.Folded : null;
    }

    private static string Shade(string colour)
    {
        string plain = Spaces().Replace(colour.ToLowerInvariant(), "");
        if (plain is "white" or "rgb(255,255,255)") return "#ffffff";
        if (plain is "black" or "rgb(0,0,0)") return "#000000";
        return plain is ['#', var r, var g, var b] ? $"#{r}{r}{g}{g}{b}{b}" : plain;
    }

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

    [GeneratedRegex(@"font-size\s*:\s*(?:0(?:\.\d+)?|1)\s*(?:px|pt|em|rem|%)?\s*(?:;|!|$)|(?:^|;)\s*(?:max-)?(?:height|width)\s*:\s*0(?:px)?\s*;(?=.*overflow\s*:\s*hidden)", RegexOptions.IgnoreCase, 1000)]
    private static partial Regex NoSize();

    [GeneratedRegex(@"(?:text-indent|left|top|right|margin-left|margin-top)\s*:\s*-\d{4,}", RegexOptions.IgnoreCase, 1000)]
    private static partial Regex OffPage();

    [GeneratedRegex(@"opacity\s*:\s*0(?:\.0\d*)?\s*(?:;|!|$)|(?:^|;)\s*color\s*:\s*(?:transparent|rgba\([^)]*,\s*0(?:\.0+)?\s*\))", RegexOptions.IgnoreCase, 1000)]
    private static partial Regex Transparent();

    [GeneratedRegex(@"(?:^|;)\s*color\s*:\s*(#[0-9a-f]{3,6}|rgb\([^)]*\)|[a-z]+)", RegexOptions.IgnoreCase, 1000)]
    private static partial Regex Colour();

    [GeneratedRegex(@"(?:^|;)\s*background(?:-color)?\s*:\s*(#[0-9a-f]{3,6}|rgb\([^)]*\)|[a-z]+)", RegexOptions.IgnoreCase, 1000)]
    private static partial Regex Background();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex(@"display\s*:\s*none|visibility\s*:\s*hidden", RegexOptions.IgnoreCase)]
    private static partial Regex Hidden();
}
