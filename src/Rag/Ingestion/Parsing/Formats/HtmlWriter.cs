using System.Text;
using AngleSharp.Dom;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>Writes an HTML tree as blocks: inline text is gathered until an element that starts a block of its own.</summary>
internal sealed class HtmlWriter(ParsedTextBuilder builder)
{
    private static readonly HashSet<string> Skipped = new(StringComparer.Ordinal)
    {
        "script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "math", "canvas", "audio", "video", "head", "title",
        "button", "select", "input", "textarea", "datalist", "nav", "dialog", "rp", "rt",
    };

    private static readonly HashSet<string> BlockElements = new(StringComparer.Ordinal)
    {
        "address", "article", "aside", "blockquote", "body", "center", "details", "dd", "div", "dl", "dt", "fieldset", "figcaption", "figure",
        "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "ol", "p", "pre", "section", "summary",
        "table", "ul", "tr", "td", "th", "tbody", "thead", "tfoot", "caption", "hgroup", "legend", "menu", "search",
    };

    private readonly StringBuilder _inline = new();
    private readonly Stack<(int Group, int Depth)> _lists = new();
    private int _listGroup;
    private string _marker = "";

    public static bool IsSkipped(INode node) => node is IElement element && Skipped.Contains(element.LocalName);

    public void Write(IElement root)
    {
        Children(root);
        Flush();
    }

    private void Children(INode parent)
    {
        for (var node = parent.FirstChild; node is not null; node = node.NextSibling)
        {
            if (node is IText text) Append(text.Data);
            else if (node is IComment comment) builder.Hide(HiddenText.Folded, comment.Data);
            else if (node is IElement element && !Skipped.Contains(element.LocalName) && !Hides(element)) Element(element);
        }
    }

    private void Element(IElement element)
    {
        string name = element.LocalName;
        if (name == "br") _inline.Append('\n');
        else if (!BlockElements.Contains(name)) Children(element);
        else
        {
            Flush();
            Block(element, name);
            Flush();
        }
    }

    private void Block(IElement element, string name)
    {
        switch (name)
        {
            case "h1" or "h2" or "h3" or "h4" or "h5" or "h6" when _lists.Count == 0:
                builder.Heading(name[1] - '0', HtmlText.Of(element));
                break;
            case "pre":
                builder.Code(HtmlText.Preformatted(element));
                break;
            case "ul" or "ol" or "menu":
                List(element, name == "ol");
                break;
            case "table":
                if (HtmlTable.IsLayout(element)) Children(element);
                else HtmlTable.Write(element, builder);
                break;
            case "dl":
                DefinitionList(element);
                break;
            default:
                Children(element);
                break;
        }
    }

    private void List(IElement list, bool ordered)
    {
        // Items outside the outermost list share its number: a nested list is part of the list.
        bool outermost = _lists.Count == 0;
        if (outermost) _listGroup = builder.NewGroup();
        _lists.Push((_listGroup, _lists.Count));
        int number = int.TryParse(list.GetAttribute("start"), out int start) ? start : 1;
        for (var node = list.FirstChild; node is not null; node = node.NextSibling)
        {
            if (node is not IElement item || Skipped.Contains(item.LocalName) || Hides(item)) continue;
            _marker = ordered ? $"{number++}. " : "- ";
            Children(item);
            Flush();
            _marker = "";
        }
        _lists.Pop();
    }

    /// <summary>Terms and their definitions: "term: definition", or the definition under its term when it has blocks of its own.</summary>
    private void DefinitionList(IElement list)
    {
        string term = "";
        foreach (var entry in list.Children.SelectMany(c => c.LocalName == "div" ? c.Children.AsEnumerable() : [c]))
        {
            if (entry.LocalName == "dt")
            {
                if (term.Length > 0) builder.Paragraph(term);
                term = ParsedTextBuilder.Collapse(HtmlText.Of(entry));
            }
            else if (!entry.Children.Any(c => BlockElements.Contains(c.LocalName) && c.LocalName != "p"))
            {
                builder.Paragraph(term.Length > 0 ? $"{term.TrimEnd(':')}: {ParsedTextBuilder.Collapse(HtmlText.Of(entry))}" : HtmlText.Of(entry));
                term = "";
            }
            else
            {
                if (term.Length > 0) builder.Paragraph(term);
                term = "";
                Children(entry);
                Flush();
            }
        }
        if (term.Length > 0) builder.Paragraph(term);
    }

    private void Append(string text)
    {
        foreach (char c in text)
        {
            if (!char.IsWhiteSpace(c)) _inline.Append(c);
            else if (_inline.Length > 0 && _inline[^1] is not (' ' or '\n')) _inline.Append(' ');
        }
    }

    /// <summary>Two line breaks in a row end a paragraph, as older pages write them.</summary>
    private void Flush()
    {
        string text = _inline.ToString();
        _inline.Clear();
        foreach (string part in text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            string trimmed = HtmlText.TrimLines(part);
            if (trimmed.Length == 0) continue;
            if (_lists.Count > 0 && _marker.Length > 0)
            {
                var (group, depth) = _lists.Peek();
                builder.ListItem(group, depth, _marker, trimmed);
                _marker = "";
            }
            else builder.Paragraph(trimmed);
        }
    }

    /// <summary>Whether an element is left out; what it holds is noted, and so is text that stays in and that no eye sees.</summary>
    private bool Hides(IElement element)
    {
        string? style = element.GetAttribute("style");
        bool folded = element.HasAttribute("hidden") || (style is not null && HtmlText.HidesIt(style));
        if (folded) builder.Hide(HiddenText.Folded, element.TextContent);
        else if (style is not null && HtmlText.Unseen(style) is { } how) builder.Hide(how, element.TextContent);
        return folded;
    }
}
