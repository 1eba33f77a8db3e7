using System.Text;
using System.Text.RegularExpressions;
using Markdig;
using Markdig.Syntax;
using Rag.Slo.Export.Dashboards;

namespace Rag.Runbook;

/// <summary>
/// Reads sections and steps out of the runbook's Markdown (CommonMark 0.31). The convention is in this slice's README: the
/// numbered list of a section is its steps; a fenced block in a step is its command, if it says <c>sh</c>; the lines
/// after it that begin with <c>Expected:</c> and <c>Changes:</c> belong to it.
/// </summary>
internal static partial class RunbookParser
{
    private const string Shell = "sh";
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder().UsePipeTables().UsePreciseSourceLocation().Build();

    /// <exception cref="FormatException">The text breaks the convention; the message names the section.</exception>
    public static IReadOnlyList<RunbookSection> Parse(string markdown)
    {
        markdown = markdown.ReplaceLineEndings("\n");
        var blocks = Markdown.Parse(markdown, Pipeline).ToList();
        var headings = blocks.OfType<HeadingBlock>().Where(h => h.Level is 2 or 3).ToList();
        var sections = new List<RunbookSection>();
        string chapter = "";
        for (int i = 0; i < headings.Count; i++)
        {
            var heading = headings[i];
            int end = i + 1 < headings.Count ? headings[i + 1].Span.Start : markdown.Length;
            string title = markdown[heading.Span.Start..(heading.Span.End + 1)].TrimStart('#').Trim();
            if (heading.Level == 2) chapter = title;
            var inside = blocks.Where(b => b.Span.Start > heading.Span.End && b.Span.Start < end).ToList();
            sections.Add(Section(markdown, title, heading, chapter, end, inside));
        }
        if (sections.GroupBy(s => s.Slug).FirstOrDefault(g => g.Count() > 1) is { } twice) throw new FormatException($"Two sections are called '{twice.Key}'.");
        return sections;
    }

    private static RunbookSection Section(string markdown, string title, HeadingBlock heading, string chapter, int end, List<Block> inside)
    {
        var lists = inside.OfType<ListBlock>().Where(l => l.IsOrdered).ToList();
        if (lists.Count > 1) throw new FormatException($"The section '{title}' has two numbered lists; steps are one.");
        string whole = markdown[heading.Span.Start..end].Trim();
        if (lists.Count == 0) return new(RunbookLinks.Anchor(title), title, heading.Level, chapter, whole, markdown[(heading.Span.End + 1)..end].Trim(), "", []);
        var list = lists[0];
        var steps = list.OfType<ListItemBlock>().Select((item, n) => Step(markdown, title, item, n + 1)).ToList();
        // A value may be named in one step and be put into the commands of the next.
        var names = steps.SelectMany(s => s.Commands.Select(c => c.Where ?? "").Append(s.Text)).SelectMany(t => Mentioned().Matches(t)).Select(m => m.Groups[1].Value).Distinct().ToList();
        return new(RunbookLinks.Anchor(title), title, heading.Level, chapter, whole, markdown[(heading.Span.End + 1)..list.Span.Start].Trim(), markdown[(list.Span.End + 1)..end].Trim(),
            [.. steps.Select(s => s with { Commands = [.. s.Commands.Select(c => c with { Placeholders = [.. names.Where(n => Regex.IsMatch(c.Text, $@"\b{n}\b"))] })] })]);
    }

    private static RunbookStep Step(string markdown, string title, ListItemBlock item, int number)
    {
        var text = new StringBuilder();
        var commands = new List<(string Text, string? Where, string? Expected, string? Changes)>();
        string? where = null;
        foreach (var block in item)
        {
            if (block is FencedCodeBlock fence)
            {
                if (fence.Info == Shell) commands.Add((fence.Lines.ToString().Trim(), where, null, null));
                where = null;
                continue;
            }
            if (where is not null) Say(where + ":");
            where = null;
            foreach (string sentence in Said(markdown, block))
            {
                if (Of(sentence, "Expected:") is { } expected) commands[^1] = commands.Count == 0 ? throw Misplaced(title, sentence) : commands[^1] with { Expected = expected };
                else if (Of(sentence, "Changes:") is { } changes) commands[^1] = commands.Count == 0 ? throw Misplaced(title, sentence) : commands[^1] with { Changes = changes };
                else if (sentence.EndsWith(':') && text.Length > 0) where = sentence[..^1];
                else Say(sentence);
            }
        }
        if (where is not null) Say(where + ":");
        string Id(int i) => commands.Count == 1 ? $"{number}" : $"{number}{(char)('a' + i)}";
        return new($"{number}", text.ToString(), [.. commands.Select((c, i) => new RunbookCommand(Id(i), c.Text, c.Where, c.Expected, c.Changes, []))]);

        void Say(string sentence) => text.Append(text.Length > 0 ? " " : "").Append(sentence);
    }

    /// <summary>What a paragraph says, or each bullet of a list.</summary>
    private static IEnumerable<string> Said(string markdown, Block block) =>
        block is ListBlock list ? list.OfType<ListItemBlock>().SelectMany(item => item.SelectMany(b => Said(markdown, b))) : Paragraphs(OneLine(markdown[block.Span.Start..(block.Span.End + 1)]));

    private static FormatException Misplaced(string title, string sentence) => new($"In the section '{title}' no command stands before '{sentence}'.");

    /// <summary>A paragraph, cut before each sentence that says what is expected or changed.</summary>
    private static IEnumerable<string> Paragraphs(string text) => Marked().Split(text).Select(t => t.Trim()).Where(t => t.Length > 0);

    private static string? Of(string sentence, string mark) => sentence.StartsWith(mark, StringComparison.Ordinal) ? sentence[mark.Length..].Trim() : null;

    private static string OneLine(string text) => Blanks().Replace(text, " ").Trim();

    [GeneratedRegex(@"(?=\b(?:Expected|Changes):)")]
    private static partial Regex Marked();

    [GeneratedRegex(@"\s*\n\s*")]
    private static partial Regex Blanks();

    /// <summary>A word in capital letters, set as code in the text, stands for a value wherever a command has it.</summary>
    [GeneratedRegex("`([A-Z][A-Z_]+)`")]
    private static partial Regex Mentioned();
}
