using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>Numbers list items as Word shows them: format, start and pattern ("%1.%2") per level of each list.</summary>
internal sealed partial class DocxNumbering
{
    private const int Levels = 9;

    private sealed record Level(string Format, int Start, string Pattern);

    private readonly Dictionary<string, (string Abstract, Level?[] Levels)> _lists = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int[]> _counters = new(StringComparer.Ordinal);

    public DocxNumbering(XElement? numbering)
    {
        var definitions = numbering.Children("abstractNum").GroupBy(a => a.Attr("abstractNumId") ?? "").ToDictionary(g => g.Key, g => g.First());
        foreach (var num in numbering.Children("num"))
        {
            string name = num.Child("abstractNumId").Attr("val") ?? "";
            if (num.Attr("numId") is { } id && definitions.TryGetValue(name, out var definition)) _lists.TryAdd(id, (name, Read(definition)));
        }
    }

    /// <summary>The marker of the next item at that depth, such as "2.", "b)" or "-".</summary>
    public string Next(string listId, int depth)
    {
        depth = Math.Clamp(depth, 0, Levels - 1);
        if (!_lists.TryGetValue(listId, out var list) || list.Levels[depth] is not { } level || level.Format is "bullet" or "none") return "-";
        if (!_counters.TryGetValue(list.Abstract, out int[]? counters)) _counters[list.Abstract] = counters = new int[Levels];
        counters[depth] = counters[depth] == 0 ? level.Start : counters[depth] + 1;
        Array.Clear(counters, depth + 1, Levels - depth - 1);
        string marker = Placeholder().Replace(level.Pattern, m =>
        {
            int at = m.Value[1] - '1';
            return Number(counters[at] == 0 ? list.Levels[at]?.Start ?? 1 : counters[at], list.Levels[at]?.Format ?? "decimal");
        }).Trim();
        return marker.Length > 0 ? marker : "-";
    }

    private static Level?[] Read(XElement definition)
    {
        var levels = new Level?[Levels];
        foreach (var level in definition.Children("lvl"))
        {
            if (!int.TryParse(level.Attr("ilvl"), NumberStyles.None, CultureInfo.InvariantCulture, out int depth) || depth >= Levels) continue;
            int start = int.TryParse(level.Child("start").Attr("val"), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : 1;
            levels[depth] = new(level.Child("numFmt").Attr("val") ?? "decimal", start, level.Child("lvlText").Attr("val") ?? $"%{depth + 1}.");
        }
        return levels;
    }

    private static string Number(int value, string format) => format switch
    {
        "lowerLetter" => Letters(value).ToLowerInvariant(),
        "upperLetter" => Letters(value),
        "lowerRoman" => Roman(value).ToLowerInvariant(),
        "upperRoman" => Roman(value),
        _ => value.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>A to Z, then AA to ZZ, as Word counts.</summary>
    private static string Letters(int value) => value < 1 ? "" : new((char)('A' + ((value - 1) % 26)), Math.Min(((value - 1) / 26) + 1, 10));

    private static string Roman(int value)
    {
        if (value is < 1 or > 3999) return value.ToString(CultureInfo.InvariantCulture);
        var text = new StringBuilder();
        foreach (var (amount, sign) in Romans)
            for (; value >= amount; value -= amount) text.Append(sign);
        return text.ToString();
    }

    private static readonly (int, string)[] Romans =
        [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")];

    [GeneratedRegex("%[1-9]")]
    private static partial Regex Placeholder();
}
