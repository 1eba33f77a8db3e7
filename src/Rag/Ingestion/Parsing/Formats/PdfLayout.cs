using UglyToad.PdfPig.Content;
using UglyToad.PdfPig.DocumentLayoutAnalysis;
using UglyToad.PdfPig.DocumentLayoutAnalysis.PageSegmenter;
using UglyToad.PdfPig.DocumentLayoutAnalysis.ReadingOrderDetector;
using UglyToad.PdfPig.DocumentLayoutAnalysis.WordExtractor;

namespace Rag.Ingestion.Parsing.Formats;

/// <param name="Block">Number of the block on its page; lines of one block belong together.</param>
/// <param name="Size">Font size in points, the one most letters have.</param>
/// <param name="Left">Left edge, and <paramref name="Right"/> and <paramref name="Bottom"/>: points from the page's lower left corner.</param>
internal sealed record PdfLine(int Block, string Text, double Size, bool Bold, double Left, double Right, double Bottom);

/// <param name="Notes">Annotations that hold text.</param>
/// <param name="Unseen">Text that is not painted, or too small or too pale for an eye, with how.</param>
internal sealed record PdfPageText(int Number, double Height, IReadOnlyList<PdfLine> Lines, IReadOnlyList<string> Notes, IReadOnlyList<HiddenText> Unseen);

/// <summary>A page's lines in reading order.</summary>
internal static class PdfLayout
{
    // Beyond these the layout analysis, quadratic in parts, costs more than it gives; the page's own order is used.
    private const int MaxLetters = 60_000;
    private const int MaxOrderedBlocks = 400;

    private static readonly DocstrumBoundingBoxes Segmenter = new(new DocstrumBoundingBoxes.DocstrumBoundingBoxesOptions { MaxDegreeOfParallelism = 1 });
    private static readonly NearestNeighbourWordExtractor WordExtractor = new(new NearestNeighbourWordExtractor.NearestNeighbourWordExtractorOptions { MaxDegreeOfParallelism = 1 });

    public static IReadOnlyList<PdfLine> Lines(Page page)
    {
        var letters = page.Letters;
        if (letters.Count > MaxLetters) return Plain(page);
        // Some programs print a letter twice, slightly apart, for bold type.
        letters = DuplicateOverlappingTextProcessor.Get(letters);
        var words = WordExtractor.GetWords(letters).Where(w => !string.IsNullOrWhiteSpace(w.Text)).ToList();
        if (words.Count == 0) return [];
        var blocks = Segmenter.GetBlocks(words);
        if (blocks.Count is > 1 and <= MaxOrderedBlocks)
            blocks = UnsupervisedReadingOrderDetector.Instance.Get(blocks).OrderBy(b => b.ReadingOrder).ToList();
        return Numbered(blocks.SelectMany((block, index) => block.TextLines.Select(line => Line(index, line))).Where(l => l.Text.Length > 0).ToList());
    }

    /// <summary>
    /// What of a page is not seen. A scan whose text was recognised has all of its text unpainted behind the picture, which is
    /// how it is meant; white letters may lie on a dark field.
    /// </summary>
    public static IReadOnlyList<HiddenText> Unseen(Page page)
    {
        var letters = page.Letters;
        if (letters.Count is 0 or > MaxLetters) return [];
        var unseen = letters.GroupBy(How).Where(g => g.Key is not null).ToList();
        return unseen.Sum(g => g.Count()) > letters.Count / 2 ? [] : [.. unseen.Select(g => new HiddenText(g.Key!, Joined(g.ToList())))];
    }

    private static string? How(Letter letter)
    {
        if (letter.RenderingMode == UglyToad.PdfPig.Core.TextRenderingMode.Neither) return HiddenText.Invisible;
        if (letter.PointSize is > 0 and < 1.5) return HiddenText.NoSize;
        return letter.FillColor?.ToRGBValues() is ( >= 0.99, >= 0.99, >= 0.99) ? HiddenText.Folded : null;
    }

    /// <summary>Letters as they follow each other in the page's own order, with the blanks that gaps stand for.</summary>
    private static string Joined(List<Letter> letters)
    {
        var text = new System.Text.StringBuilder();
        for (int i = 0; i < letters.Count; i++)
        {
            if (i > 0 && (letters[i].StartBaseLine.X - letters[i - 1].EndBaseLine.X > letters[i].PointSize * 0.15 || Math.Abs(letters[i].StartBaseLine.Y - letters[i - 1].StartBaseLine.Y) > 1)) text.Append(' ');
            text.Append(letters[i].Value);
        }
        return text.ToString();
    }

    private static PdfLine Line(int block, TextLine line)
    {
        var letters = line.Words.SelectMany(w => w.Letters).ToList();
        double size = letters.GroupBy(l => Math.Round(l.PointSize * 2) / 2).MaxBy(g => g.Count())!.Key;
        bool bold = letters.Count(l => l.FontDetails?.IsBold == true || l.FontName?.Contains("bold", StringComparison.OrdinalIgnoreCase) == true) > letters.Count * 0.8;
        var box = line.BoundingBox;
        return new(block, ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(line.Text)), size, bold, box.Left, box.Right, box.Bottom);
    }

    /// <summary>
    /// Section numbers left of their titles and page numbers right of a contents list stand too far off to be one block
    /// with them: a block of numbers only, each on the line of another block, goes back to those lines.
    /// </summary>
    private static List<PdfLine> Numbered(List<PdfLine> lines)
    {
        foreach (var block in lines.GroupBy(l => l.Block).ToList())
        {
            if (!block.All(l => IsNumber(l.Text))) continue;
            var pairs = block.Select(n => (Number: n, Line: lines.Where(l => l.Block != n.Block && !IsNumber(l.Text) && Math.Abs(l.Bottom - n.Bottom) < Math.Max(l.Size, 1) * 0.4)
                .MinBy(l => Math.Min(Math.Abs(l.Left - n.Right), Math.Abs(n.Left - l.Right))))).ToList();
            if (pairs.Any(p => p.Line is null)) continue;
            foreach (var (number, line) in pairs)
            {
                string text = number.Left < line!.Left ? $"{number.Text} {line.Text}" : $"{line.Text} {number.Text}";
                int at = lines.IndexOf(line);
                if (at >= 0) lines[at] = line with { Text = text };
                lines.Remove(number);
            }
        }
        return lines;
    }

    private static bool IsNumber(string text) => text.Length <= 8 && text.All(c => char.IsAsciiDigit(c) || c == '.');

    private static List<PdfLine> Plain(Page page) =>
        page.Text.Split('\n').Select(t => ParsedTextBuilder.Collapse(ParsedTextBuilder.Clean(t))).Where(t => t.Length > 0)
            .Select(t => new PdfLine(0, t, 0, false, 0, 0, page.Height / 2)).ToList();
}
