using System.Text.RegularExpressions;
using Markdig;
using Microsoft.AspNetCore.Components;
using Rag.Runbook;

namespace Rag.App.Pages;

/// <summary>The runbook's own Markdown as HTML. Names of sections become links to their pages; links into the repository stay words.</summary>
internal sealed partial class RunbookHtml(RunbookText runbook)
{
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder().UsePipeTables().DisableHtml().Build();

    private readonly Dictionary<string, string> _slugs = runbook.Sections.ToDictionary(s => s.Title, s => s.Slug);

    public MarkupString Of(string markdown)
    {
        string linked = Link().Replace(markdown, "$1");
        linked = Emphasis().Replace(linked, m => _slugs.TryGetValue(m.Groups[1].Value, out string? slug) ? $"[{m.Groups[1].Value}](/runbook/{slug})" : m.Value);
        // What is not yet done in a list of the text has a box that nobody can tick here.
        linked = linked.Replace("- [ ] ", "- ", StringComparison.Ordinal);
        // Headings within a page stand below its own.
        return new(Markdown.ToHtml(linked, Pipeline).Replace("<table>", "<table class=\"documents lines\">", StringComparison.Ordinal).Replace("<th>", "<th scope=\"col\">", StringComparison.Ordinal));
    }

    /// <summary>One line, without the paragraph around it.</summary>
    public MarkupString Line(string markdown)
    {
        string html = Of(markdown).Value.Trim();
        return new(html.StartsWith("<p>", StringComparison.Ordinal) && html.EndsWith("</p>", StringComparison.Ordinal) ? html[3..^4] : html);
    }

    /// <summary>A link to a file of the repository.</summary>
    [GeneratedRegex(@"\[([^\]]+)\]\((?!https?:|/)[^)]*\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"(?<!\*)\*([^*\n]+)\*(?!\*)")]
    private static partial Regex Emphasis();
}
