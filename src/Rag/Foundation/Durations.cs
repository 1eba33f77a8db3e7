using System.Globalization;
using System.Text.RegularExpressions;

namespace Rag.Foundation;

/// <summary>Lengths of time as people write them: a whole number and s, m, h or d.</summary>
internal static partial class Durations
{
    /// <param name="what">What it is the length of, as the error names it.</param>
    /// <exception cref="RagException">Invalid: it is not a length of time, or not within the bounds.</exception>
    public static TimeSpan Parse(string text, string what, TimeSpan min, TimeSpan max)
    {
        var match = Written().Match(text);
        if (!match.Success) throw new RagException(ErrorKind.Invalid, $"'{text}' is not a length of time.", $"Write {what} as a number and s, m, h or d, such as 30m.");
        long n = long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
        var length = match.Groups[2].Value switch { "s" => TimeSpan.FromSeconds(n), "m" => TimeSpan.FromMinutes(n), "h" => TimeSpan.FromHours(n), _ => TimeSpan.FromDays(n) };
        return length >= min && length <= max ? length : throw new RagException(ErrorKind.Invalid, $"{text} is out of bounds for {what}.", $"Choose {Show(min)} to {Show(max)}.");
    }

    public static string Show(TimeSpan length) => length switch
    {
        { TotalDays: >= 1 } when length.TotalDays % 1 == 0 => string.Create(CultureInfo.InvariantCulture, $"{length.TotalDays:0}d"),
        { TotalHours: >= 1 } when length.TotalHours % 1 == 0 => string.Create(CultureInfo.InvariantCulture, $"{length.TotalHours:0}h"),
        { TotalMinutes: >= 1 } when length.TotalMinutes % 1 == 0 => string.Create(CultureInfo.InvariantCulture, $"{length.TotalMinutes:0}m"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{length.TotalSeconds:0}s"),
    };

    [GeneratedRegex("^([0-9]{1,6})([smhd])$")]
    private static partial Regex Written();
}
