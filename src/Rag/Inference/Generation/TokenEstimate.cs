namespace Rag.Inference.Generation;

/// <summary>
/// How many tokens a text is for a model whose tokenizer is not known, rather too many than too few: byte-pair vocabularies
/// take some four English letters for one, and may take every digit, sign and rare letter for one of its own.
/// </summary>
internal static class TokenEstimate
{
    private const int PerToken = 6;
    private const int Letter = 2, AccentedLetter = 4, Single = 6, Ideograph = 9;

    public static int Of(ReadOnlySpan<char> text)
    {
        long sixths = 0;
        foreach (char c in text)
            sixths += c switch
            {
                ' ' or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') => Letter,
                < '\u0080' => Single,
                < '\u0250' => AccentedLetter,
                < '\u2e80' => Single,
                _ => Ideograph,
            };
        return (int)Math.Min(int.MaxValue, (sixths + PerToken - 1) / PerToken);
    }
}
