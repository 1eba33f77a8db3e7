using System.Text.RegularExpressions;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>What stands around the Markdown of a file: front matter (YAML or TOML) and a site generator's shortcodes.</summary>
internal static partial class MarkdownSource
{
    internal readonly record struct Source(string? Title, string Body);

    public static Source Read(string text)
    {
        text = text.TrimStart('\uFEFF');
        var front = FrontMatter().Match(text);
        string? title = null;
        if (front.Success)
        {
            var found = TitleLine().Match(front.Groups[2].Value);
            if (found.Success) title = found.Groups[1].Value.Trim().Trim('"', '\'').Replace("\\\"", "\"");
            text = text[front.Length..];
        }
        return new(title, Shortcodes(text));
    }

    /// <summary>Hugo's tags go, and what they enclose stays; an alert's title and a highlighted listing are kept as such.</summary>
    private static string Shortcodes(string text)
    {
        if (!text.Contains("{{<") && !text.Contains("{{%")) return text;
        text = HighlightTag().Replace(text, m => m.Groups[1].Success ? "\n```\n" : "\n```" + m.Groups[2].Value + "\n");
        text = ParameterTag().Replace(text, "{$1}");
        text = TitledTag().Replace(text, m => $"\n**{m.Groups[1].Value}**\n\n");
        return AnyTag().Replace(text, "");
    }

    /// <summary>Refuses block quotes and brackets nested so deep that only an attack nests them.</summary>
    /// <exception cref="ParseException">hostile.</exception>
    public static void CheckDepth(string markdown, int maxDepth)
    {
        foreach (var line in markdown.AsSpan().EnumerateLines())
        {
            int quotes = 0;
            foreach (char c in line)
            {
                if (c == '>') quotes++;
                else if (c is not (' ' or '\t' or '-' or '*' or '+')) break;
                else if (c is not (' ' or '\t')) quotes++;
            }
            if (quotes > maxDepth && line.IndexOfAny('>', ' ') >= 0 && line.Contains('>') | line.Trim().Contains(' ') && !IsRule(line)) throw TooDeep(null);
            if (line.Count('[') > 2_000 || line.Count('*') + line.Count('_') > 100_000) throw TooDeep(null);
        }
    }

    public static ParseException TooDeep(Exception? inner) =>
        new("hostile", "the Markdown nests far deeper than a document needs. Send a flatter version.", inner);

    private static bool IsRule(ReadOnlySpan<char> line)
    {
        char sign = line.TrimStart()[0];
        foreach (char c in line) if (c != sign && c is not (' ' or '\t')) return false;
        return sign != '>';
    }

    [GeneratedRegex(@"\A(---|\+\+\+)[ \t]*\r?\n(.*?)\r?\n\1[ \t]*(?:\r?\n|\z)", RegexOptions.Singleline, 2000)]
    private static partial Regex FrontMatter();

    [GeneratedRegex(@"^title[ \t]*[:=][ \t]*(\S.*?)[ \t]*\r?$", RegexOptions.Multiline | RegexOptions.IgnoreCase, 2000)]
    private static partial Regex TitleLine();

    // Paired tags whose content is a listing: highlight, and those named for code or examples.
    [GeneratedRegex(@"[ \t]*\{\{[<%]\s*(?:(/)\s*(?:highlight|code|[\w-]+-example)|(?:highlight|code|[\w-]+-example)\b[ \t]*([a-z]*))[^}\n]*[%>]\}\}[ \t]*", RegexOptions.None, 2000)]
    private static partial Regex HighlightTag();

    [GeneratedRegex(@"\{\{[<%]\s*(?:param|psubstr)\s+""?([\w.-]+)[^}]{0,200}[%>]\}\}", RegexOptions.None, 2000)]
    private static partial Regex ParameterTag();

    [GeneratedRegex(@"\{\{[<%]\s*\w[\w-]*[^}\n]*?\btitle=""([^""\n]+)""[^}\n]*[%>]\}\}", RegexOptions.None, 2000)]
    private static partial Regex TitledTag();

    [GeneratedRegex(@"[ \t]*\{\{(?:<[^{}]{0,2000}?>|%[^{}]{0,2000}?%)\}\}", RegexOptions.None, 2000)]
    private static partial Regex AnyTag();
}
