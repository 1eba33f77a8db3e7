using System.Text.RegularExpressions;
using AngleSharp.Dom;
using AngleSharp.Html.Dom;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>
/// Finds what a page is about: the element that the page marks as its main content, or else the body without the parts
/// that are mostly links or are named as navigation. Leaving a stray menu in costs less than losing a paragraph, so a
/// part goes only on two signs at once.
/// </summary>
internal static partial class HtmlContent
{
    private const int MinMainChars = 200;

    public static IReadOnlyList<IElement> Main(IHtmlDocument document)
    {
        if (document.Body is not { } body) return document.DocumentElement is { } root ? [root] : [];
        int all = TextLength(body);
        if (Marked(body, "main, [role=main]", all) is { } main) return main;
        if (Marked(body, "article", all) is { } articles) return articles;
        Prune(body, all);
        return [body];
    }

    /// <summary>The outermost elements that match, if together they hold enough of the text to be the page's content.</summary>
    private static List<IElement>? Marked(IElement body, string selector, int all)
    {
        var found = body.QuerySelectorAll(selector).ToList();
        var outermost = found.Where(e => e.ParentElement?.Closest(selector) is null).ToList();
        int chars = outermost.Sum(TextLength);
        return outermost.Count > 0 && chars > 0 && (chars >= MinMainChars || chars >= all / 2) ? outermost : null;
    }

    private static void Prune(IElement body, int all)
    {
        // The page's own header may hold the only heading; then it is content.
        bool headingElsewhere = body.QuerySelectorAll("h1, h2").Any(h => h.Closest("header") is null);
        foreach (var element in body.QuerySelectorAll("nav, aside, footer, header, [role=navigation], [role=banner], [role=contentinfo], [role=complementary], [role=search], [aria-hidden=true]").ToList())
        {
            if (element.Closest("article, section > header") is not null && element.LocalName is "header") continue;
            if (element.LocalName == "header" && !headingElsewhere) continue;
            if (TextLength(element) < all * 0.7) element.Remove();
        }
        foreach (var element in body.QuerySelectorAll("div, section, ul, ol, table, td, p, form, dl").ToList())
        {
            if (element.ParentElement is null) continue;
            int chars = TextLength(element);
            if (chars == 0 || chars > all * 0.5) continue;
            int links = element.QuerySelectorAll("a[href]").Length;
            int linked = element.QuerySelectorAll("a[href]").Sum(TextLength);
            double density = (double)linked / chars;
            bool named = Boilerplate().IsMatch(element.ClassName + " " + element.Id);
            bool menu = links >= 4 && density > 0.8 && linked / links < 40;
            if (menu || (named && (density > 0.4 || chars < all * 0.05))) element.Remove();
        }
    }

    /// <summary>Characters of text outside scripts and styles, white space not counted; walks without recursion.</summary>
    public static int TextLength(IElement element)
    {
        int count = 0;
        for (INode? node = element; node is not null; node = Next(node, element))
        {
            if (node is not IText text) continue;
            foreach (char c in text.Data) if (!char.IsWhiteSpace(c)) count++;
        }
        return count;
    }

    private static INode? Next(INode node, INode root)
    {
        if (node.FirstChild is { } child && !HtmlWriter.IsSkipped(node)) return child;
        while (node != root && node.NextSibling is null) node = node.Parent!;
        return node == root ? null : node.NextSibling;
    }

    [GeneratedRegex(@"\b(?:nav|navbar|navigation|menu|sidebar|side-bar|footer|breadcrumbs?|cookies?|share|sharing|social|related|recommend\w*|promo|advert\w*|ads?|sponsor\w*|newsletter|subscribe|pagination|toc|comments?|skip-link|masthead)\b", RegexOptions.IgnoreCase, 1000)]
    private static partial Regex Boilerplate();
}
