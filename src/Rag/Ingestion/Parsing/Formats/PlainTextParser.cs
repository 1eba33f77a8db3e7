using System.Text;
using System.Text.RegularExpressions;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>
/// Plain text: paragraphs between blank lines, underlined titles, lists by their markers. Lines that only wrap a
/// sentence are joined by a blank; lines that were meant as lines (addresses, verse, columns) are kept.
/// </summary>
internal static partial class PlainTextParser
{
    // A prose column is between these widths; most of its lines are full but for so many characters.
    private const int MinWrap = 50, MaxWrap = 120, Slack = 4;

    public static ParsedDocument Parse(ParseInput input)
    {
        var decoded = TextDecoder.Decode(input.Span);
        var builder = input.Builder();
        Write(decoded.Text, builder);
        return builder.Build(null, input.Type.MediaType, new Dictionary<string, string> { ["charset"] = decoded.Charset });
    }

    /// <param name="softBreaks">Single line ends never mean anything, as in markup languages.</param>
    public static void Write(string text, ParsedTextBuilder builder, bool softBreaks = false)
    {
        var paragraph = new List<string>();
        int list = 0;
        foreach (var range in text.AsSpan().EnumerateLines())
        {
            if (range.IsWhiteSpace()) list = Flush(paragraph, builder, softBreaks, list);
            else paragraph.Add(range.TrimEnd().ToString());
        }
        Flush(paragraph, builder, softBreaks, list);
    }

    /// <summary>Writes a paragraph; returns the list that the next may continue, 0 for none.</summary>
    private static int Flush(List<string> lines, ParsedTextBuilder builder, bool softBreaks, int list)
    {
        if (lines.Count == 0) return list;
        if (lines.Count > 1 && IsUnderline(lines[1], lines[0]))
        {
            builder.Heading(lines[1][0] == '=' ? 1 : 2, lines[0]);
            lines.RemoveRange(0, 2);
            list = 0;
        }
        if (lines.Count > 0 && ListMarker().IsMatch(lines[0]))
        {
            if (list == 0) list = builder.NewGroup();
            WriteList(lines, builder, list);
        }
        else if (lines.Count > 0)
        {
            list = 0;
            builder.Paragraph(softBreaks ? string.Join(' ', lines.Select(l => l.Trim())) : Join(lines));
        }
        lines.Clear();
        return list;
    }

    /// <summary>True for a line of one repeated sign that is about as long as the title above it (Setext, reStructuredText).</summary>
    public static bool IsUnderline(string line, string title)
    {
        char first = line[0];
        if (first is not ('=' or '-' or '~' or '^' or '"' or '*' or '#' or '+') || line.Length < 3) return false;
        return line.AsSpan().Trim(first).IsEmpty && line.Length >= title.Trim().Length - 1 && char.IsLetterOrDigit(title.Trim()[0]);
    }

    private static void WriteList(List<string> lines, ParsedTextBuilder builder, int group)
    {
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
        int width = lines.Max(l => l.Length);
        // A line was wrapped if the next one's first word had no room on it.
        int wrapped = Enumerable.Range(0, lines.Count - 1).Count(i => lines[i].Length + 1 + FirstWord(lines[i + 1]) > width - Slack);
        // Runs of blanks are columns of a table that somebody drew.
        bool prose = width is >= MinWrap and <= MaxWrap && wrapped >= (lines.Count - 1) * 0.8 && !lines.Any(l => l.TrimStart().Contains("   "));
        return prose ? string.Join(' ', lines.Select(l => l.Trim())) : string.Join('\n', lines);
    }

    private static int FirstWord(string line)
    {
        var trimmed = line.AsSpan().TrimStart();
        int blank = trimmed.IndexOf(' ');
        return blank < 0 ? trimmed.Length : blank;
    }

    [GeneratedRegex(@"^([ \t]{0,12})([-*+•·]|\d{1,3}[.)]|[a-z][.)])[ \t]+(?=\S)")]
    private static partial Regex ListMarker();
}
