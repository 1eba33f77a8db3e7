using System.Collections.Frozen;

namespace Rag.Ingestion;

/// <summary>
/// Finds sentences in running text by punctuation, in any script that ends sentences with . ! ? or their
/// full-width forms. Spans are offsets into the text, trimmed of white space, in order, and together hold every
/// character that is not white space.
/// </summary>
internal static class SentenceSplitter
{
    /// <summary>A sentence longer than this is cut at a blank, so that no unit is without bound.</summary>
    public const int MaxChars = 2_000;

    private static readonly FrozenSet<string> Abbreviations = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "mt", "gen", "col", "lt", "sgt", "capt", "rev", "hon", "gov", "sen", "rep",
        "vs", "etc", "e.g", "i.e", "cf", "al", "approx", "dept", "est", "fig", "figs", "eq", "eqs", "ref", "refs", "sec", "ch", "vol",
        "no", "nos", "pp", "ed", "eds", "inc", "ltd", "co", "corp", "bros", "ca", "c", "b", "d", "resp", "viz", "jan", "feb", "mar",
        "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "z.b", "d.h", "u.a", "bzw", "usw", "nr", "bspw", "ggf", "incl", "excl", "temp", "govt", "assn", "univ", "misc", "subsp", "intl", "dist", "techn", "spec", "orig", "publ");

    private static readonly FrozenSet<string> AlwaysContinues = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "mr", "mrs", "ms", "dr", "prof", "st", "gen", "col", "lt", "sgt", "capt", "rev", "gov", "sen", "vs", "e.g", "i.e", "cf", "fig", "figs", "eq", "eqs");

    public static IEnumerable<(int Start, int End)> Split(string text, int start, int end)
    {
        int from = SkipBlank(text, start, end);
        int i = from;
        while (i < end)
        {
            int stop = BoundaryAfter(text, i, from, end);
            bool tooLong = i - from >= MaxChars;
            if (stop < 0 && !tooLong)
            {
                i++;
                continue;
            }
            if (stop < 0) stop = CutAtBlank(text, from, i);
            yield return (from, TrimEnd(text, from, stop));
            from = SkipBlank(text, stop, end);
            i = from;
        }
        if (from < end)
        {
            int last = TrimEnd(text, from, end);
            if (last > from) yield return (from, last);
        }
    }

    /// <summary>The end of a sentence whose closing mark stands at <paramref name="i"/>, or -1 where none ends there.</summary>
    private static int BoundaryAfter(string text, int i, int from, int end)
    {
        char c = text[i];
        if (c is '。' or '！' or '？' or '؟' or '।') return SkipClosers(text, i + 1, end);
        if (c is not ('.' or '!' or '?' or '…')) return -1;
        int after = i + 1;
        while (after < end && text[after] is '.' or '!' or '?' or '…') after++;
        after = SkipClosers(text, after, end);
        if (after >= end) return end;
        if (!char.IsWhiteSpace(text[after])) return -1;
        int next = SkipBlank(text, after, end);
        if (next >= end) return end;
        bool lineBreaks = text.AsSpan(after, next - after).Count('\n') > 1;
        if (lineBreaks) return after;
        char first = text[next];
        if (first is ',' or ';' or ':' or ')' or ']') return -1;
        if (char.IsLower(first) && !(c == '.' && EndsInPlainWord(text, i, from))) return -1;
        if (c == '.' && ContinuesAfterDot(text, i, from, first)) return -1;
        return after;
    }

    private static bool ContinuesAfterDot(string text, int dot, int from, char next)
    {
        int wordStart = dot;
        while (wordStart > from && !char.IsWhiteSpace(text[wordStart - 1]) && text[wordStart - 1] is not ('(' or '[' or '"' or '“')) wordStart--;
        string word = text[wordStart..dot];
        if (word.Length == 0) return false;
        // An initial, as in "J. Smith"; "I" ends sentences more often than it abbreviates a name.
        if (word.Length == 1 && char.IsUpper(word[0]) && char.IsLetter(next)) return word[0] != 'I';
        if (AlwaysContinues.Contains(word)) return true;
        if (Abbreviations.Contains(word)) return char.IsDigit(next) || word.Length > 1 && char.IsUpper(next) && word is "no" or "No" or "vol" or "Vol";
        // A list number that stands alone, as in "1. Open the page".
        return wordStart == from && word.All(char.IsDigit) && word.Length <= 3;
    }

    /// <summary>
    /// True where a word of four letters or more, none of them a capital, stands before the full stop and is no
    /// abbreviation: the sentence ends there even if the next begins with a small letter, as names of programs do.
    /// </summary>
    private static bool EndsInPlainWord(string text, int dot, int from)
    {
        int start = dot;
        while (start > from && char.IsLower(text[start - 1])) start--;
        return dot - start >= 4 && (start == from || char.IsWhiteSpace(text[start - 1])) && !Abbreviations.Contains(text[start..dot]);
    }

    private static int SkipClosers(string text, int i, int end)
    {
        while (i < end && text[i] is ')' or ']' or '"' or '\'' or '”' or '’' or '»' or '」' or '』' or '）') i++;
        // Reference marks such as [12] stay with the sentence that they support.
        while (i < end && text[i] == '[')
        {
            int close = i + 1;
            while (close < end && close - i < 8 && (char.IsDigit(text[close]) || text[close] is ',' or '-' or '–')) close++;
            if (close >= end || text[close] != ']' || close == i + 1) break;
            i = close + 1;
        }
        return i;
    }

    private static int CutAtBlank(string text, int from, int limit)
    {
        for (int i = limit; i > from + MaxChars / 2; i--)
            if (char.IsWhiteSpace(text[i])) return i;
        return char.IsLowSurrogate(text[limit]) ? limit - 1 : limit;
    }

    private static int SkipBlank(string text, int i, int end)
    {
        while (i < end && char.IsWhiteSpace(text[i])) i++;
        return i;
    }

    private static int TrimEnd(string text, int from, int end)
    {
        while (end > from && char.IsWhiteSpace(text[end - 1])) end--;
        return end;
    }
}
