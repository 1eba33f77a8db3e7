using System.Text.RegularExpressions;

namespace Rag.Security.Detection;

/// <summary>What a text is meant to be, which decides how much of an attack it must show.</summary>
internal enum Reading
{
    /// <summary>A part of a request that has no business to hold anything but names and numbers: path, query, header.</summary>
    Request,

    /// <summary>A question that does not read as a sentence: a few words, or a payload.</summary>
    Bare,

    /// <summary>A question in sentences. People ask about attacks, too: what is quoted in a sentence weighs little.</summary>
    Prose,
}

/// <summary>That a text shows an attack of a pattern.</summary>
/// <param name="Weight"><see cref="Alarm"/> and more: an attack. Less: a sign, which adds up.</param>
internal readonly record struct Sign(string Pattern, int Weight)
{
    /// <summary>The scale of the OWASP Core Rule Set, where a critical rule scores 5 and a request is an attack from 5 on.</summary>
    public const int Alarm = 5;
}

internal static partial class Readings
{
    /// <summary>A sentence has two of the words that hold sentences together and that neither SQL nor a shell uses.</summary>
    public static Reading Of(string question)
    {
        int words = 0;
        foreach (var _ in Function().EnumerateMatches(question.Length <= 2_000 ? question : question[..2_000]))
            if (++words == 2) return Reading.Prose;
        return Reading.Bare;
    }

    // English, then German, French, Spanish: what asks, and what stands in nearly every sentence.
    [GeneratedRegex(
        @"\b(?:what|how|why|does|did|do|the|means?|explain|which|whom?|whose|can|could|should|would|of|this|that|are|was|were|there|their|has|have|had|about|than|its|been|when|between|into|during|it|" +
        @"wie|warum|welche[rsnm]?|der|die|das|ist|sind|eine?[nmrs]?|kann|und|von|ich|mit|für|quel(?:le)?s?|comment|pourquoi|les|des|une|est|dans|qu[eé]|c[oó]mo|los|las|una|para|es)\b",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, Patterns.TimeoutMs)]
    private static partial Regex Function();
}

internal static class Patterns
{
    /// <summary>Texts are bounded and patterns have no nested repeats; who finds a way all the same is held here. It is time on the clock, which a busy machine uses up, too.</summary>
    public const int TimeoutMs = 2_000;

    public const RegexOptions Options = RegexOptions.IgnoreCase | RegexOptions.CultureInvariant;

    /// <summary>Whether the pattern is in the text; a text that takes too long to tell has no business to.</summary>
    public static bool In(this Regex pattern, string text)
    {
        try
        {
            return pattern.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    }
}
