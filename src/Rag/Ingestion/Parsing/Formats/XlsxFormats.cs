using System.Globalization;
using System.Xml.Linq;

namespace Rag.Ingestion.Parsing.Formats;

/// <summary>Shows a cell's number as its format means it, where that changes its sense: dates, times, percentages, rounding.</summary>
internal sealed class XlsxFormats
{
    private readonly List<string> _codes = [];
    private readonly bool _from1904;

    public XlsxFormats(XElement? styles, bool from1904)
    {
        _from1904 = from1904;
        var custom = styles.Child("numFmts").Children("numFmt").GroupBy(f => f.Attr("numFmtId") ?? "").ToDictionary(g => g.Key, g => g.First().Attr("formatCode") ?? "");
        foreach (var cell in styles.Child("cellXfs").Children("xf"))
        {
            string id = cell.Attr("numFmtId") ?? "0";
            _codes.Add(custom.TryGetValue(id, out string? code) ? code : BuiltIn(id));
        }
    }

    public string Show(string value, string? style)
    {
        if (!double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) || !double.IsFinite(number)) return value;
        string code = int.TryParse(style, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < _codes.Count ? _codes[index] : "";
        string plain = Plain(code);
        bool day = plain.AsSpan().IndexOfAny('y', 'd') >= 0, time = plain.AsSpan().IndexOfAny('h', 's') >= 0;
        if (day || time || (plain.Contains('m') && !plain.Contains('0'))) return Date(number, day || !time, time) ?? Number(number);
        if (plain.Contains('%')) return Number(Round(number * 100, Decimals(plain))) + "%";
        return plain.Contains('0') ? Number(Round(number, Decimals(plain))) : Number(number);
    }

    private string? Date(double serial, bool day, bool time)
    {
        // Day 60 is a 29 February 1900 that never was; serials before it are one day off.
        double days = _from1904 ? serial + 1462 : serial is > 0 and < 60 ? serial + 1 : serial;
        if (days is < 0 or > 2_958_465.99999) return null;
        var moment = DateTime.FromOADate(Math.Round(days * 86_400) / 86_400);
        bool midnight = moment.TimeOfDay == TimeSpan.Zero;
        string format = !day ? "HH:mm:ss" : time && !midnight ? "yyyy-MM-dd HH:mm" : "yyyy-MM-dd";
        return moment.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>Halves away from zero, as spreadsheets round; in decimal, where a half is a half.</summary>
    private static double Round(double number, int decimals) =>
        Math.Abs(number) < 1e15 ? (double)Math.Round((decimal)number, decimals, MidpointRounding.AwayFromZero) : number;

    /// <summary>Fifteen digits, as spreadsheets compute: 0.1 + 0.2 shows as 0.3.</summary>
    private static string Number(double number) => number.ToString(Math.Abs(number) is >= 1e15 or (> 0 and < 1e-5) ? "G15" : "0.###############", CultureInfo.InvariantCulture) is var text && text.Length > 17
        ? number.ToString("G15", CultureInfo.InvariantCulture) : text;

    /// <summary>The first section of a format, lower case, without quoted text, escapes, colours and locales.</summary>
    private static string Plain(string code)
    {
        var result = new System.Text.StringBuilder();
        for (int i = 0; i < code.Length && code[i] != ';'; i++)
        {
            if (code[i] == '"') i = Skip(code, i, '"');
            else if (code[i] == '[' && i + 1 < code.Length && char.ToLowerInvariant(code[i + 1]) is not ('h' or 'm' or 's')) i = Skip(code, i, ']');
            else if (code[i] is '\\' or '_' or '*') i++;
            else result.Append(char.ToLowerInvariant(code[i]));
        }
        return result.ToString() is "general" ? "" : result.ToString();
    }

    private static int Skip(string code, int from, char to)
    {
        int end = code.IndexOf(to, from + 1);
        return end < 0 ? code.Length : end;
    }

    private static int Decimals(string plain)
    {
        int point = plain.IndexOf('.');
        return point < 0 ? 0 : Math.Min(plain.AsSpan(point + 1).ToString().TakeWhile(c => c is '0' or '#' or '?').Count(), 12);
    }

    // The built-in formats whose display matters (ECMA-376 part 1, 18.8.30).
    private static string BuiltIn(string id) => id switch
    {
        "1" or "3" or "37" or "38" => "0",
        "2" or "4" or "39" or "40" => "0.00",
        "9" => "0%",
        "10" => "0.00%",
        "14" or "15" or "16" or "17" => "yyyy-mm-dd",
        "18" or "19" or "20" or "21" or "45" or "46" or "47" => "h:mm:ss",
        "22" => "yyyy-mm-dd h:mm",
        _ => "",
    };
}
