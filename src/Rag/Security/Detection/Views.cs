using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>
/// A text as those see it who take its encodings off, because an attack is encoded for whoever decodes it last: percent signs
/// (also twice, also overlong), entities, escapes, look-alike letters, marks that are not seen, Base64. Bounded: 16,384
/// characters of a text, three rounds, eight pieces of Base64.
/// </summary>
internal static partial class Views
{
    public const int MaxChars = 16_384;

    private const int MaxRounds = 3, MaxPieces = 8, MinBase64Chars = 16;

    /// <summary>Different readings of a text, as it stands first.</summary>
    /// <param name="form">Whether a plus sign is a blank, as in the query of an address.</param>
    public static IReadOnlyList<string> Of(string text, bool form = false)
    {
        if (text.Length > MaxChars) text = string.Concat(text.AsSpan(0, MaxChars * 3 / 4), " ", text.AsSpan(text.Length - MaxChars / 4));
        var views = new List<string> { text };
        string decoded = form ? text.Replace('+', ' ') : text;
        for (int round = 0; round < MaxRounds; round++)
        {
            string next = Escapes(WebUtility.HtmlDecode(Percent(decoded)));
            if (next == decoded) break;
            Add(views, decoded = next);
        }
        Add(views, Fold(decoded));
        int pieces = 0;
        foreach (Match piece in Base64().Matches(decoded))
        {
            if (++pieces > MaxPieces) break;
            if (FromBase64(piece.Value) is { } inner) Add(views, inner);
        }
        return views;
    }

    /// <summary>
    /// As it looks: compatibility forms and look-alikes of other alphabets as Latin letters, marks that are not seen left out,
    /// the invisible copy of ASCII (U+E0000) as what it says.
    /// </summary>
    public static string Fold(string text)
    {
        if (Ascii.IsValid(text)) return text;
        var folded = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is >= 0xE0020 and <= 0xE007E) folded.Append((char)(rune.Value - 0xE0000));
            else if (HiddenMarks.IsInvisible(rune.Value)) continue;
            else if (Compatible(rune.Value) is { } ascii) folded.Append(ascii);
            else if (rune.IsBmp && LookAlikes.TryGetValue((char)rune.Value, out char latin)) folded.Append(latin);
            else folded.Append(rune.ToString());
        }
        return folded.ToString();
    }

    /// <summary>Wide, mathematical and encircled forms of ASCII, which the invariant mode of .NET does not normalise (Unicode, chapter 22).</summary>
    private static char? Compatible(int code) => code switch
    {
        >= 0xFF01 and <= 0xFF5E => (char)(code - 0xFEE0),
        >= 0x1D400 and <= 0x1D6A3 => Letter((code - 0x1D400) % 52),
        >= 0x1D7CE and <= 0x1D7FF => (char)('0' + (code - 0x1D7CE) % 10),
        >= 0x24B6 and <= 0x24CF => (char)('A' + code - 0x24B6),
        >= 0x24D0 and <= 0x24E9 => (char)('a' + code - 0x24D0),
        >= 0x249C and <= 0x24B5 => (char)('a' + code - 0x249C),
        >= 0x1F130 and <= 0x1F149 => (char)('A' + code - 0x1F130),
        >= 0x1F150 and <= 0x1F169 => (char)('A' + code - 0x1F150),
        >= 0x1F170 and <= 0x1F189 => (char)('A' + code - 0x1F170),
        0xA0 or (>= 0x2000 and <= 0x200A) or 0x202F or 0x205F or 0x3000 => ' ',
        _ => null,
    };

    private static char Letter(int n) => n < 26 ? (char)('A' + n) : (char)('a' + n - 26);

    private static void Add(List<string> views, string view)
    {
        if (!views.Contains(view)) views.Add(view);
    }

    /// <summary>Percent-encoding (RFC 3986), <c>%u0041</c>, and overlong forms of ASCII, which lenient decoders take.</summary>
    private static string Percent(string text)
    {
        if (!text.Contains('%')) return text;
        byte[] bytes = new byte[text.Length * 3];
        int count = 0;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '%' && i + 5 < text.Length && text[i + 1] is 'u' or 'U' && ushort.TryParse(text.AsSpan(i + 2, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ushort unit))
            {
                count += Encoding.UTF8.GetBytes([char.IsSurrogate((char)unit) ? '\uFFFD' : (char)unit], bytes.AsSpan(count));
                i += 5;
            }
            else if (c == '%' && i + 2 < text.Length && byte.TryParse(text.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out byte b))
            {
                bytes[count++] = b;
                i += 2;
            }
            else if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                count += Encoding.UTF8.GetBytes(text.AsSpan(i, 2), bytes.AsSpan(count));
                i++;
            }
            else count += Encoding.UTF8.GetBytes([char.IsSurrogate(c) ? '\uFFFD' : c], bytes.AsSpan(count));
        }
        // C0 AE is a dot, C0 AF a slash, C1 9C a backslash, to whoever does not check for the shortest form.
        var shortest = new List<byte>(count);
        for (int i = 0; i < count; i++)
        {
            if (bytes[i] is 0xC0 or 0xC1 && i + 1 < count && (bytes[i + 1] & 0xC0) == 0x80) shortest.Add((byte)(((bytes[i] & 0x03) << 6) | (bytes[++i] & 0x3F)));
            else shortest.Add(bytes[i]);
        }
        return Encoding.UTF8.GetString([.. shortest]);
    }

    /// <summary><c>\u003c</c>, <c>\x3c</c> and <c>\u{3c}</c>, as scripts and JSON write characters.</summary>
    private static string Escapes(string text) => !text.Contains('\\') ? text : Escape().Replace(text, m =>
        int.Parse(m.Groups[1].Success ? m.Groups[1].ValueSpan : m.Groups[2].Success ? m.Groups[2].ValueSpan : m.Groups[3].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture) is var code
        && Rune.IsValid(code) ? new Rune(code).ToString() : m.Value);

    /// <summary>Text in Base64; null where it is none, as with most long words.</summary>
    private static string? FromBase64(string piece)
    {
        string padded = piece.TrimEnd('=').Replace('-', '+').Replace('_', '/');
        if (padded.Length < MinBase64Chars || padded.Length % 4 == 1) return null;
        byte[] bytes = new byte[padded.Length];
        if (!Convert.TryFromBase64String(padded + new string('=', (4 - padded.Length % 4) % 4), bytes, out int count)) return null;
        int printable = 0;
        foreach (byte b in bytes.AsSpan(0, count)) if (b is >= 0x20 and < 0x7F or (byte)'\n' or (byte)'\t') printable++;
        return printable >= count * 0.95 ? Encoding.UTF8.GetString(bytes, 0, count) : null;
    }

    /// <summary>Letters of other alphabets that look like Latin ones (Unicode Technical Standard 39, confusables), the common ones.</summary>
    private static readonly Dictionary<char, char> LookAlikes = new()
    {
        ['а'] = 'a', ['е'] = 'e', ['о'] = 'o', ['р'] = 'p', ['с'] = 'c', ['х'] = 'x', ['у'] = 'y', ['і'] = 'i', ['ѕ'] = 's', ['ј'] = 'j', ['ԁ'] = 'd', ['ɡ'] = 'g', ['һ'] = 'h', ['ӏ'] = 'l', ['ո'] = 'n',
        ['А'] = 'A', ['В'] = 'B', ['Е'] = 'E', ['К'] = 'K', ['М'] = 'M', ['Н'] = 'H', ['О'] = 'O', ['Р'] = 'P', ['С'] = 'C', ['Т'] = 'T', ['Х'] = 'X', ['І'] = 'I', ['Ѕ'] = 'S', ['Ј'] = 'J',
        ['α'] = 'a', ['ο'] = 'o', ['ρ'] = 'p', ['ν'] = 'v', ['ι'] = 'i', ['κ'] = 'k', ['υ'] = 'u', ['Α'] = 'A', ['Β'] = 'B', ['Ε'] = 'E', ['Η'] = 'H', ['Ι'] = 'I', ['Κ'] = 'K', ['Μ'] = 'M', ['Ν'] = 'N',
        ['Ο'] = 'O', ['Ρ'] = 'P', ['Τ'] = 'T', ['Υ'] = 'Y', ['Χ'] = 'X', ['Ζ'] = 'Z', ['ı'] = 'i', ['‘'] = '\'', ['’'] = '\'', ['“'] = '"', ['”'] = '"', ['∕'] = '/', ['⁄'] = '/', ['‐'] = '-', ['‑'] = '-', ['−'] = '-',
    };

    [GeneratedRegex(@"\\u([0-9a-f]{4})|\\x([0-9a-f]{2})|\\u\{([0-9a-f]{1,6})\}", Patterns.Options, Patterns.TimeoutMs)]
    private static partial Regex Escape();

    [GeneratedRegex(@"[A-Za-z0-9+/_-]{16,4000}={0,2}", RegexOptions.CultureInvariant, Patterns.TimeoutMs)]
    private static partial Regex Base64();
}
