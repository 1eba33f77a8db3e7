using System.Text;

namespace Rag.Ingestion.Parsing;

/// <summary>
/// Chooses among legacy code pages: reads the bytes in each and scores how much of what is not ASCII becomes letters
/// that are frequent in the languages written with it, in places where such letters stand. windows-1252 unless another
/// is clearly better.
/// </summary>
internal static class CharsetGuess
{
    private sealed record Candidate(int CodePage, string Frequent, char First, char Last);

    // Frequent lower-case letters per script; the range is the script's block.
    private static readonly Candidate[] Alphabets =
    [
        new(1251, "оеаинтсрвлкмдпуяыьгз", '\u0400', '\u04FF'),
        new(20866, "оеаинтсрвлкмдпуяыьгз", '\u0400', '\u04FF'),
        new(28595, "оеаинтсрвлкмдпуяыьгз", '\u0400', '\u04FF'),
        new(866, "оеаинтсрвлкмдпуяыьгз", '\u0400', '\u04FF'),
        new(1253, "αοιετσνηυρπκμλςίόέάή", '\u0370', '\u03FF'),
        new(1255, "יוהלאתמרבשנדעחםקןכפג", '\u0590', '\u05FF'),
        new(1256, "الينمروتبةعدسفهكقحجأ", '\u0600', '\u06FF'),
    ];

    private const string Latin1 = "éèàùâêîôûçëïäöüßñáíóúãõåæøœ¿¡’‘“”–—…•€£©®°«»ÉÀÖÜÄÅØÇÑ";
    private const string Latin2 = "ąćęłńśźżáčďéěíňóřšťúůýžőűöüäôľĺăâîșțşţŁŚŻČŠŽŘ’“”„–—…";

    public static Encoding Best(ReadOnlySpan<byte> bytes)
    {
        int high = 0, inRuns = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] < 0x80) continue;
            high++;
            if ((i > 0 && bytes[i - 1] >= 0x80) || (i + 1 < bytes.Length && bytes[i + 1] >= 0x80)) inRuns++;
        }
        var latin = Encoding.GetEncoding(1252);
        if (high == 0) return latin;
        // In a Latin alphabet accented letters mostly stand alone; in every other script high bytes come in runs.
        if (inRuns < high * 0.6) return Latin(bytes, latin);
        return MultiByte(bytes) ?? Alphabet(bytes) ?? latin;
    }

    private static Encoding Latin(ReadOnlySpan<byte> bytes, Encoding latin)
    {
        var central = Encoding.GetEncoding(1250);
        return LatinScore(central.GetString(bytes), Latin2) > LatinScore(latin.GetString(bytes), Latin1) * 1.15 + 2 ? central : latin;
    }

    private static double LatinScore(string text, string frequent) => text.Count(c => c >= 0x80 && frequent.Contains(c)) - text.Count(c => c >= 0x80 && !frequent.Contains(c));

    private static Encoding? MultiByte(ReadOnlySpan<byte> bytes)
    {
        (Encoding? Encoding, double Score) best = (null, 0.5);
        foreach (int page in (ReadOnlySpan<int>)[932, 51932, 54936, 949, 950])
        {
            if (Strict(page, bytes) is not { } text) continue;
            double score = EastAsian(text, page);
            if (score > best.Score) best = (Encoding.GetEncoding(page), score);
        }
        return best.Encoding;
    }

    /// <summary>The text, or null when more than a stray byte of it is invalid (the sample may be cut in a character).</summary>
    private static string? Strict(int page, ReadOnlySpan<byte> bytes)
    {
        string text = Encoding.GetEncoding(page, EncoderFallback.ReplacementFallback, new DecoderReplacementFallback("\uFFFD")).GetString(bytes);
        return text.AsSpan().Count('\uFFFD') > 1 ? null : text;
    }

    /// <summary>Share from 0 to 1 of characters beyond ASCII that this encoding's language uses most.</summary>
    private static double EastAsian(string text, int page)
    {
        int all = 0, kana = 0, hangul = 0, common = 0, odd = 0;
        foreach (char c in text)
        {
            if (c < 0x80) continue;
            all++;
            if (c is >= '\u3040' and <= '\u30FF') kana++;
            else if (c is >= '\uAC00' and <= '\uD7A3') hangul++;
            else if (CommonHan.Contains(c)) common++;
            else if (c is (>= '\uFF61' and <= '\uFF9F') or (>= '\uE000' and <= '\uF8FF') or (< '\u2000')) odd++;
        }
        if (all == 0) return 0;
        double strange = 2.0 * odd / all;
        return page switch
        {
            932 or 51932 => kana > all * 0.15 ? 0.6 + (0.4 * (kana + common) / all) - strange : 0,
            949 => hangul > all * 0.5 ? (double)hangul / all - strange : 0,
            // Common characters are a few hundred of thousands, so a tenth of the text is already a clear sign.
            _ => common > all * 0.1 ? 0.5 + (0.5 * common / all) - strange : 0,
        };
    }

    // Frequent in Chinese (simplified and traditional) and Japanese, with the full-width punctuation of both.
    private static readonly System.Buffers.SearchValues<char> CommonHan = System.Buffers.SearchValues.Create(
        "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生自会那后能对着事其里所去行过家十用发天如然作方成者多日都三小军二无同么经法当起与好看学进种将还分此心前面又定见只主没公从這為來個們說國時會後對著過發無麼經當與學進種將還見沒從、。，「」？！：；（）本年月日時間");

    private static Encoding? Alphabet(ReadOnlySpan<byte> bytes)
    {
        (int Page, double Score) best = (0, 0.45);
        foreach (var candidate in Alphabets)
        {
            double score = Score(Encoding.GetEncoding(candidate.CodePage).GetString(bytes), candidate);
            if (score > best.Score) best = (candidate.CodePage, score);
        }
        return best.Page == 0 ? null : Encoding.GetEncoding(best.Page);
    }

    private static double Score(string text, Candidate candidate)
    {
        double score = 0;
        int high = 0;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c < 0x80) continue;
            high++;
            bool inScript = c >= candidate.First && c <= candidate.Last;
            if (!inScript) score -= char.IsControl(c) || c >= '\u2500' ? 1 : 0.1;
            else if (candidate.Frequent.Contains(c)) score += 1;
            // A capital inside a word is how a wrong Cyrillic code page shows itself.
            else if (char.IsUpper(c) && i > 0 && char.IsLower(text[i - 1])) score -= 1;
            else score += 0.3;
        }
        return high == 0 ? 0 : score / high;
    }
}
