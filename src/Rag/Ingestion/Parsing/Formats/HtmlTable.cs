using AngleSharp.Dom;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>An HTML table by its rows. Tables that only arrange a page are told apart and read as ordinary blocks.</summary>
internal static class HtmlTable
{
    private const int MaxCellChars = 2_000;
    private const int MaxSpan = 50;

    public static bool IsLayout(IElement table)
    {
        if (table.GetAttribute("role") == "presentation") return true;
        if (table.QuerySelector("th, caption") is not null && table.QuerySelector("table") is null) return false;
        if (table.QuerySelector("table, form, h1, h2, h3, h4, h5, h6, pre") is not null) return true;
        var widths = Rows(table).Select(r => r.Children.Length).ToList();
        return widths.Count <= 1 || widths.Max() <= 1 || table.QuerySelectorAll("td").Any(c => HtmlContent.TextLength(c) > MaxCellChars);
    }

    public static void Write(IElement table, ParsedTextBuilder builder)
    {
        if (table.Children.FirstOrDefault(c => c.LocalName == "caption") is { } caption) builder.Paragraph(HtmlText.Of(caption));
        int group = builder.NewGroup();
        foreach (var row in Rows(table)) builder.TableRow(group, row.Children.Where(IsCell).SelectMany(Cell));
    }

    /// <summary>A cell over several columns stands in the first; the others are empty, so that columns stay in line.</summary>
    private static IEnumerable<string> Cell(IElement cell)
    {
        yield return HtmlText.Of(cell);
        if (!int.TryParse(cell.GetAttribute("colspan"), out int span)) yield break;
        for (int i = 1; i < Math.Min(span, MaxSpan); i++) yield return "";
    }

    private static bool IsCell(IElement element) => element.LocalName is "td" or "th";

    /// <summary>The table's own rows, not those of tables inside it.</summary>
    private static IEnumerable<IElement> Rows(IElement table) =>
        table.Children.SelectMany(c => c.LocalName is "tbody" or "thead" or "tfoot" ? c.Children.AsEnumerable() : [c]).Where(c => c.LocalName == "tr");
}
