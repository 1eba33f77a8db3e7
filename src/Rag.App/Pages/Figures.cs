using System.Globalization;

namespace Rag.App.Pages;

/// <summary>Figures with their units, as people read them.</summary>
internal static class Figures
{
    public static string Percent(double share) => (100 * share).ToString("0.#;−0.#", CultureInfo.InvariantCulture) + " %";

    /// <summary>How many times as fast as it may; a dash where that is not known.</summary>
    public static string Rate(double? rate) => rate is { } times ? times.ToString("0.##", CultureInfo.InvariantCulture) + " ×" : "–";

    public static string Seconds(double seconds) => seconds.ToString("0.#", CultureInfo.InvariantCulture) + " s";

    public static string Milliseconds(double ms) => ms.ToString("0.##", CultureInfo.InvariantCulture) + " ms";

    /// <summary>A length of time in its largest unit, rounded down.</summary>
    public static string Length(TimeSpan length) => length switch
    {
        { TotalMinutes: < 1 } => "less than a minute",
        { TotalHours: < 2 } => $"{(int)length.TotalMinutes} min",
        { TotalDays: < 2 } => $"{(int)length.TotalHours} h",
        _ => $"{(int)length.TotalDays} days",
    };
}
