using System.Text;
using System.Text.RegularExpressions;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>Turns the lines of all pages into headings, paragraphs and list items.</summary>
internal sealed partial class PdfTextWriter
{
    private const int MaxHeadingChars = 200;
    // Fraction of the page's height at its top and bottom where running heads and page numbers stand.
    private const double Margin = 0.1;

    private readonly ParsedTextBuilder _builder;
    private readonly IReadOnlyList<PdfPageText> _pages;
    private readonly double _bodySize;
    private readonly List<double> _headingSizes;
    private readonly HashSet<string> _running;
    private readonly StringBuilder _open = new();
    private int? _openPage;
    private int _list;

    public PdfTextWriter(ParsedTextBuilder builder, IReadOnlyList<PdfPageText> pages)
    {
        (_builder, _pages) = (builder, pages);
        var lines = pages.SelectMany(p => p.Lines).ToList();
        _bodySize = lines.Count == 0 ? 0 : lines.GroupBy(l => l.Size).MaxBy(g => g.Sum(l => l.Text.Length))!.Key;
        _headingSizes = lines.Where(l => l.Size >= _bodySize * 1.12 && l.Text.Length <= MaxHeadingChars).Select(l => l.Size).Distinct().OrderDescending().Take(5).ToList();
        _running = Running(pages);
    }

    public void Write()
    {
        foreach (var page in _pages)
        {
            var kept = page.Lines.Where(l => !IsRunning(page, l)).ToList();
            for (int i = 0; i < kept.Count;)
            {
                int end = i + 1;
                while (end < kept.Count && kept[end].Block == kept[i].Block) end++;
                Block(page.Number, kept[i..end]);
                i = end;
            }
            Flush();
            _builder.Page = page.Number;
            foreach (string note in page.Notes) _builder.Paragraph("Note: " + ParsedTextBuilder.Collapse(note));
        }
        _builder.Page = null;
        foreach (var unseen in _pages.SelectMany(p => p.Unseen)) _builder.Hide(unseen.How, unseen.Text);
    }

    private void Block(int page, List<PdfLine> lines)
    {
        // A block may begin with headings that stand close to their text.
        int start = 0;
        while (start < lines.Count)
        {
            int end = start;
            while (end < lines.Count && end - start < 4 && HeadingLevel(lines, end) is { } level && (end == start || level == HeadingLevel(lines, start))) end++;
            if (end == start) break;
            string text = JoinLines(lines[start..end]);
            if (text.Length > MaxHeadingChars) break;
            Flush();
            _builder.Page = page;
            _builder.Heading(HeadingLevel(lines, start)!.Value, text);
            start = end;
        }
        Prose(page, lines[start..]);
    }

    private int? HeadingLevel(List<PdfLine> lines, int index)
    {
        var line = lines[index];
        if (_bodySize == 0 || line.Text.Length < 2 || !line.Text.Any(char.IsLetter)) return null;
        // A full stop after several words ends a sentence, not a title.
        if (line.Text[^1] == '.' && line.Text.AsSpan().Count(' ') >= 3) return null;
        if (line.Size >= _bodySize * 1.12) return Math.Max(1, _headingSizes.IndexOf(line.Size) + 1);
        // Bold type of the text's own size is a heading when it has its line to itself and reads like a title.
        bool alone = index + 1 >= lines.Count || !lines[index + 1].Bold;
        bool title = line.Text.Length <= 80 && char.IsLetterOrDigit(line.Text[0]) && line.Text[^1] is not ('.' or ',' or ';' or ':');
        return line.Bold && alone && title && line.Size >= _bodySize * 0.98 && (index == 0 || !lines[index - 1].Bold) ? _headingSizes.Count + 1 : null;
    }

    private void Prose(int page, List<PdfLine> lines)
    {
        if (lines.Count == 0) return;
        // Lines that end in numbers are a contents list or a column of figures, and stay lines.
        if (lines.Count >= 3 && lines.Count(l => char.IsAsciiDigit(l.Text[^1]) && l.Text.Length <= 90) > lines.Count * 0.7)
        {
            Flush();
            _builder.Page = page;
            _builder.Paragraph(string.Join('\n', lines.Select(l => l.Text)));
            return;
        }
        double left = lines.Min(l => l.Left), right = lines.Max(l => l.Right);
        for (int i = 0; i < lines.Count; i++)
        {
            bool item = ListMarker().IsMatch(lines[i].Text);
            if (item || (i > 0 && StartsParagraph(lines, i, left, right)) || (i == 0 && !Continues(lines[0].Text))) Flush();
            if (_open.Length == 0) _openPage = page;
            AppendLine(_open, lines[i].Text);
        }
    }

    /// <summary>An indented line after one that ended a sentence short of the margin, or after any that did when both are clear.</summary>
    private static bool StartsParagraph(List<PdfLine> lines, int i, double left, double right)
    {
        var (before, line) = (lines[i - 1], lines[i]);
        bool ended = before.Text[^1] is '.' or '!' or '?' or ':' or '”' or '"' or ')';
        bool shortLine = before.Right < right - ((right - left) * 0.15);
        bool indented = line.Left > before.Left + (line.Size * 0.8);
        bool spaced = before.Bottom - line.Bottom > Math.Max(line.Size, 1) * 2.2;
        return spaced || (ended && (shortLine || indented));
    }

    /// <summary>The open paragraph runs on in the next block: a column or a page ended in the middle of a sentence.</summary>
    private bool Continues(string next) =>
        _open.Length > 0 && char.IsLower(next[0]) && _open[^1] is not ('.' or '!' or '?' or ':' or ';');

    private void Flush()
    {
        if (_open.Length == 0) return;
        string text = _open.ToString();
        _open.Clear();
        _builder.Page = _openPage;
        var marker = ListMarker().Match(text);
        if (!marker.Success)
        {
            _list = 0;
            _builder.Paragraph(text);
            return;
        }
        if (_list == 0) _list = _builder.NewGroup();
        string sign = marker.Groups[1].Value;
        _builder.ListItem(_list, 0, char.IsLetterOrDigit(sign[0]) || sign[0] == '(' ? sign + " " : "- ", text[marker.Length..]);
    }

    private static string JoinLines(List<PdfLine> lines)
    {
        var text = new StringBuilder();
        foreach (var line in lines) AppendLine(text, line.Text);
        return text.ToString();
    }

    /// <summary>A hyphen at the line's end is undone when it splits a word: letter before it, small letter after it.</summary>
    private static void AppendLine(StringBuilder text, string line)
    {
        if (text.Length > 1 && text[^1] is '-' or '\u2010' && char.IsLower(text[^2]) && char.IsLower(line[0])) text.Length--;
        else if (text.Length > 0) text.Append(' ');
        text.Append(line);
    }

    private bool IsRunning(PdfPageText page, PdfLine line) => InMargin(page, line) && (_running.Contains(Shape(line.Text)) || (PageNumber().IsMatch(line.Text) && (_pages.Count > 1 || Digits().Match(line.Text).Value == "1")));

    private static bool InMargin(PdfPageText page, PdfLine line) => line.Bottom > page.Height * (1 - Margin) || line.Bottom < page.Height * Margin;

    /// <summary>Lines in the margins that stand on at least three pages and a third of them, digits aside.</summary>
    private static HashSet<string> Running(IReadOnlyList<PdfPageText> pages) =>
        pages.SelectMany(p => p.Lines.Where(l => InMargin(p, l)).Select(l => Shape(l.Text)).Distinct())
            .GroupBy(s => s).Where(g => g.Count() >= 3 && g.Count() * 3 >= pages.Count).Select(g => g.Key).ToHashSet(StringComparer.Ordinal);

    private static string Shape(string text) => Digits().Replace(text, "#");

    [GeneratedRegex(@"^([•‣▪●◦·∙]|[-–—](?=\s)|\(?\d{1,2}[.)](?=\s)|\(?[a-z]\)(?=\s))\s*(?=\S)")]
    private static partial Regex ListMarker();

    [GeneratedRegex(@"^(?:page|seite|p\.)?\s*[-–]?\s*\d{1,4}\s*[-–]?(?:\s*(?:/|of|von)\s*\d{1,4})?$", RegexOptions.IgnoreCase)]
    private static partial Regex PageNumber();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Digits();
}
