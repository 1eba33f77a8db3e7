using System.Globalization;
using System.Text;

namespace Rag.Inference;

/// <summary>What a character is to BERT's tokenizer once it has been cleaned, stripped of accents and lowered.</summary>
internal enum BertKind : byte
{
    /// <summary>Part of a word; its mapping is what stands in the vocabulary.</summary>
    Word,
    /// <summary>Ends a word and leaves nothing.</summary>
    Space,
    /// <summary>A word of its own: punctuation, or a CJK ideograph.</summary>
    Alone,
    /// <summary>Leaves nothing and ends nothing: control and format characters, nonspacing marks.</summary>
    Removed,
    /// <summary>Becomes several word characters (Hangul, a few Indic vowel signs).</summary>
    Expands,
    /// <summary>One half of a pair of UTF-16 code units.</summary>
    Surrogate,
}

/// <summary>
/// The character rules of uncased BERT (Devlin et al. 2018, the reference implementation's basic tokenizer) in the
/// order that the published tokenizers keep: clean, set ideographs apart, strip accents, lower, split at punctuation.
/// </summary>
internal static class BertCharacters
{
    private static readonly BertKind[] Kinds = new BertKind[0x10000];
    private static readonly char[] Mappings = new char[0x10000];

    static BertCharacters()
    {
        for (int c = 0; c < 0x10000; c++)
        {
            BertKind kind = Classify(c, out int mapped);
            Kinds[c] = kind;
            // The lower case of every BMP character that the rules reach is a BMP character, but for a few compatibility
            // ideographs whose base is not; those are no vocabulary's and may stand for themselves.
            Mappings[c] = mapped <= char.MaxValue ? (char)mapped : (char)c;
        }
    }

    /// <summary>The kind of one UTF-16 code unit, and what it becomes where the kind is Word or Alone.</summary>
    public static BertKind Of(char c, out int mapped)
    {
        mapped = Mappings[c];
        return Kinds[c];
    }

    /// <summary>The same for any code point, computed; for those outside the table.</summary>
    public static BertKind Classify(int codePoint, out int mapped)
    {
        mapped = codePoint;
        if (codePoint is >= 0xD800 and <= 0xDFFF) return BertKind.Surrogate;
        var category = CharUnicodeInfo.GetUnicodeCategory(codePoint);
        if (codePoint is '\t' or '\n' or '\r') return BertKind.Space;
        if (codePoint is 0 or 0xFFFD) return BertKind.Removed;
        if (category is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse)
            return BertKind.Removed;
        if (Rune.IsWhiteSpace(new Rune(codePoint))) return BertKind.Space;
        if (category is UnicodeCategory.NonSpacingMark) return BertKind.Removed;

        bool ideograph = IsIdeograph(codePoint);
        if (CanonicalBases.TryGet(codePoint, out int[] bases))
        {
            if (bases.Length > 1) return BertKind.Expands;
            mapped = bases[0];
        }
        mapped = Rune.ToLowerInvariant(new Rune(mapped)).Value;
        return ideograph || IsPunctuation(mapped) ? BertKind.Alone : BertKind.Word;
    }

    /// <summary>Every ASCII sign counts as punctuation, "$" and "_" too; beyond ASCII, Unicode's categories P.</summary>
    private static bool IsPunctuation(int codePoint) =>
        codePoint < 0x80
            ? codePoint > ' ' && codePoint != 0x7F && !char.IsAsciiLetterOrDigit((char)codePoint)
            : CharUnicodeInfo.GetUnicodeCategory(codePoint) is UnicodeCategory.ConnectorPunctuation
                or UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation
                or UnicodeCategory.ClosePunctuation or UnicodeCategory.InitialQuotePunctuation
                or UnicodeCategory.FinalQuotePunctuation or UnicodeCategory.OtherPunctuation;

    private static bool IsIdeograph(int codePoint) => codePoint is
        (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0xF900 and <= 0xFAFF)
        or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2CEAF) or (>= 0x2F800 and <= 0x2FA1F);
}
