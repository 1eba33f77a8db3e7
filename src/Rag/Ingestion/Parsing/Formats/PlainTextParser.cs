using System.Text;
using System.Text.RegularExpressions;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>
/// Plain text: paragraphs between blank lines, underlined titles, lists by their markers. Lines that only wrap a
/// sentence are joined by a blank; lines that were meant as lines (addresses, verse, columns) are kept.
/// </summary>
internal static partial class PlainTextParser
{
    // A prose column is between these widths; each wrapped line ends within a long word of the widest.
    private const int MinWrap = 50, MaxWrap = 120, Slack = 25;

    public static ParsedDocument Parse(ParseInput input)
    {
        var decoded = TextDecoder.Decode(input.Span);
        var builder = input.Builder();
        Write(decoded.Text, builder);
        return builder.Build(null, input.Type.MediaType, new Dictionary<string, string> { ["charset"] = decoded.Charset });
    }

    public static void Write(string text, ParsedTextBuilder builder)
    {
        var paragraph = new List<string>();
        foreach (var range in text.AsSpan().EnumerateLines())
        {
            if (!range.IsWhiteSpace())
            {
                paragraph.Add(range.TrimEnd().ToString());
                continue;
            }
            Flush(paragraph, builder);
        }
        Flush(paragraph, builder);
    }

    private static void Flush(List<string> lines, ParsedTextBuilder builder)
    {
        if (lines.Count > 1 && IsUnderline(lines[1], lines[0]))
        {
            builder.Heading(lines[1][0] == '=' ? 1 : 2, lines[0]);
            lines.RemoveRange(0, 2);
        }
        if (lines.Count > 0)
        {
            if (ListMarker().IsMatch(lines[0])) WriteList(lines, builder);
            else builder.Paragraph(Join(lines));
        }
        lines.Clear();
    }

    /// <summary>True for a line of one repeated sign that is about as long as the title above it (Setext, reStructuredText).</summary>
    public static bool IsUnderline(string line, string title)
    {
        char first = line[0];
        if (first is not ('=' or '-' or '~' or '^' or '"' or '*' or '#' or '+') || line.Length < 3) return false;
        return line.AsSpan().Trim(first).IsEmpty && line.Length >= title.Trim().Length - 1 && char.IsLetterOrDigit(title.Trim()[0]);
    }

    private static void WriteList(List<string> lines, ParsedTextBuilder builder)
    {
        int group = builder.NewGroup();
        var item = new StringBuilder();
        (string Marker, int Depth) open = ("", 0);
        foreach (string line in lines)
        {
            var match = ListMarker().Match(line);
            if (match.Success)
            {
                builder.ListItem(group, open.Depth, open.Marker, item.ToString());
                item.Clear().Append(line.AsSpan(match.Length));
                open = (Bullet(match.Groups[2].Value), match.Groups[1].Length / 2);
            }
            else
            {
                item.Append(' ').Append(line);
            }
        }
        builder.ListItem(group, open.Depth, open.Marker, item.ToString());
    }

    private static string Bullet(string marker) => (marker is "*" or "+" or "•" or "·" ? "-" : marker) + " ";

    private static string Join(List<string> lines)
    {
        if (lines.Count == 1) return lines[0];
        int wrap = lines.Max(l => l.Length);
        bool wrapped = wrap is >= MinWrap and <= MaxWrap && lines.Take(lines.Count - 1).All(l => l.Length >= wrap - Slack);
        // Runs of blanks are columns of a table that somebody drew.
        return wrapped && !lines.Any(l => l.TrimStart().Contains("   ")) ? string.Join(' ', lines.Select(l => l.Trim())) : string.Join('\n', lines);
    }

    [GeneratedRegex(@"^([ \t]{0,12})([-*+•·]|\d{1,3}[.)]|[a-z][.)])[ \t]+(?=\S)")]
    private static partial Regex ListMarker();
}
