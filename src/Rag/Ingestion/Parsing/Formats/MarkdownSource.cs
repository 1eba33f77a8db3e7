using System.Text.RegularExpressions;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>What stands around the Markdown of a file: front matter (YAML or TOML) and a site generator's shortcodes.</summary>
internal static partial class MarkdownSource
{
    private const int MaxBracketsPerLine = 2_000;
    private const int MaxSignsPerLine = 100_000;

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

    /// <summary>Refuses quotes and lists nested so deep on one line, or so many open brackets and signs, that only an attack has them.</summary>
    /// <exception cref="ParseException">hostile.</exception>
    public static void CheckDepth(string markdown, int maxDepth)
    {
        foreach (var line in markdown.AsSpan().EnumerateLines())
        {
            if (Containers(line) > maxDepth && !IsRule(line)) throw TooDeep(null);
            // Unmatched delimiters cost time quadratic in their number.
            if (line.Count('[') > MaxBracketsPerLine || line.Count('*') + line.Count('_') > MaxSignsPerLine) throw TooDeep(null);
        }
    }

    /// <summary>How many block quotes and list items a line opens before its text.</summary>
    private static int Containers(ReadOnlySpan<char> line)
    {
        int count = 0;
        for (int i = 0; i < line.Length; i++)
        {
            char c = line[i];
            if (c == '>' || (c is '-' or '*' or '+' && i + 1 < line.Length && line[i + 1] == ' ')) count++;
            else if (c is not (' ' or '\t')) break;
        }
        return count;
    }

    public static ParseException TooDeep(Exception? inner) =>
        new("hostile", "the Markdown nests far deeper than a document needs. Send a flatter version.", inner);

    /// <summary>A thematic break: one sign, repeated.</summary>
    private static bool IsRule(ReadOnlySpan<char> line)
    {
        char sign = line.TrimStart()[0];
        return sign != '>' && !line.ContainsAnyExcept(sign, ' ', '\t');
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
