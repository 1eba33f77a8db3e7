using System.Text;
using System.Text.RegularExpressions;
using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleHtmlParser = AngleSharp.Html.Parser.HtmlParser;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>A web page: its main content as blocks, its title and description; scripts never run and nothing is fetched.</summary>
internal static partial class HtmlParser
{
    // Old pages leave hundreds of <font> and <div> open; nothing honest reaches this.
    private const int MaxDepth = 1_000;
    private const int MaxTags = 2_000_000;

    public static ParsedDocument Parse(ParseInput input)
    {
        string? declared = MetaCharset().Match(Encoding.Latin1.GetString(input.Span[..Math.Min(input.Span.Length, 8192)])) is { Success: true } m ? m.Groups[1].Value : null;
        var decoded = TextDecoder.Decode(input.Span, declared);
        return Parse(decoded.Text, input, decoded.Charset);
    }

    public static ParsedDocument Parse(string html, ParseInput input, string charset)
    {
        var builder = input.Builder();
        var document = Load(html);
        foreach (var root in HtmlContent.Main(document)) new HtmlWriter(builder).Write(root);
        var metadata = new Dictionary<string, string> { ["charset"] = charset };
        if (document.DocumentElement?.GetAttribute("lang") is { Length: > 0 } language) metadata["language"] = language;
        if (Meta(document, "author") is { } author) metadata["author"] = author;
        if (Meta(document, "description") is { } description) metadata["description"] = description;
        return builder.Build(Title(document), input.Type.MediaType, metadata);
    }

    /// <summary>A piece of HTML inside another format (Markdown, a message, a chapter): all of it, not only what looks like the main part.</summary>
    public static void WriteFragment(string html, ParsedTextBuilder builder)
    {
        if (Load(html).Body is { } body) new HtmlWriter(builder).Write(body);
    }

    /// <exception cref="ParseException">hostile.</exception>
    public static IHtmlDocument Load(string html)
    {
        CheckNesting(html);
        var document = new AngleHtmlParser().ParseDocument(html);
        CheckDepth(document);
        return document;
    }

    private static string? Title(IHtmlDocument document)
    {
        string title = ParsedTextBuilder.Collapse(document.Title ?? "");
        if (title.Length == 0) title = Meta(document, "og:title") ?? "";
        return title.Length > 0 ? title : null;
    }

    private static string? Meta(IHtmlDocument document, string name) =>
        document.Head?.QuerySelectorAll("meta").FirstOrDefault(e => e.GetAttribute("name") == name || e.GetAttribute("property") == name)?.GetAttribute("content") is { Length: > 0 } value
            ? ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(value))
            : null;

    /// <summary>
    /// Bounds what is left open before the tree is built, because building a deep tree takes time quadratic in its
    /// depth: opening tags less closing tags, void elements and those that close by themselves left aside.
    /// </summary>
    private static void CheckNesting(string html)
    {
        int open = 0, tags = 0;
        for (int i = html.IndexOf('<'); i >= 0 && i + 1 < html.Length; i = html.IndexOf('<', i + 1))
        {
            char next = html[i + 1];
            if (next == '/') open = Math.Max(0, open - 1);
            else if (char.IsAsciiLetter(next) && !ClosesItself(html.AsSpan(i + 1, Math.Min(8, html.Length - i - 1)))) open++;
            else continue;
            if (++tags > MaxTags) throw new ParseException("too_large", $"the page has more than {MaxTags:N0} tags. Split it.");
            if (open > MaxDepth * 4) throw TooDeep();
        }
    }

    private static bool ClosesItself(ReadOnlySpan<char> tag)
    {
        int end = tag.IndexOfAnyExcept(TagChars);
        ReadOnlySpan<char> name = end < 0 ? tag : tag[..end];
        foreach (string known in SelfClosing) if (name.Equals(known, StringComparison.OrdinalIgnoreCase)) return true;
        return false;
    }

    private static readonly System.Buffers.SearchValues<char> TagChars = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    private static readonly string[] SelfClosing = ["br", "hr", "img", "input", "meta", "link", "area", "base", "col", "wbr", "source", "param", "p", "li", "td", "tr", "th", "dt", "dd", "option", "path"];

    private static void CheckDepth(INode document)
    {
        int depth = 0;
        for (INode? node = document; node is not null;)
        {
            if (node.FirstChild is { } child)
            {
                node = child;
                if (++depth > MaxDepth) throw TooDeep();
                continue;
            }
            while (node is not null && node.NextSibling is null)
            {
                node = node.Parent;
                depth--;
            }
            node = node?.NextSibling;
        }
    }

    private static ParseException TooDeep() =>
        new("hostile", $"the page nests deeper than {MaxDepth:N0} levels, which no document needs. Save the page again from a browser.");

    [GeneratedRegex(@"<meta[^>]{0,300}?charset\s*=\s*[""']?\s*([\w-]{2,40})", RegexOptions.IgnoreCase, 1000)]
    private static partial Regex MetaCharset();
}
