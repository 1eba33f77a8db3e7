using System.Globalization;
using System.Text;
using Rag.Slo;

namespace Rag.App.Pages;

/// <param name="Good">Events that were good, of all that there were.</param>
/// <param name="Left">Share of the budget of the whole window that was left when the day ended.</param>
public sealed record BudgetDay(DateOnly Day, long Good, long Total, double Left)
{
    public double Share => Good / (double)Total;
}

/// <summary>
/// What was left of an error budget over the window, as points of a line in a picture of <see cref="Width"/> by
/// <see cref="Height"/>: full at the top, used up at the bottom line, overspent below it.
/// </summary>
/// <param name="Days">The same in figures, by the day (UTC), newest first; days without events are left out.</param>
public sealed record BudgetChart(string Points, double ZeroY, double Lowest, double Now, IReadOnlyList<BudgetDay> Days)
{
    public const int Width = 320, Height = 80;

    /// <summary>As much below zero is shown as above it; more overspent is at the edge.</summary>
    private const double Floor = -1;

    /// <returns>Null where nothing was counted.</returns>
    internal static BudgetChart? Of(Objective objective, IReadOnlyList<SloHour> hours, DateTimeOffset now)
    {
        double total = hours.Sum(h => (double)h.Total);
        if (total == 0) return null;
        long last = now.ToUnixTimeSeconds() / 3_600, first = last - Objectives.WindowDays * 24L;
        var left = new List<(long Hour, double Left)> { (first, 1) };
        double bad = 0;
        var days = new List<BudgetDay>();
        foreach (var hour in hours)
        {
            // A step, not a slope: nothing is known of the time between.
            left.Add((Math.Max(first, hour.Hour - 1), Left()));
            bad += hour.Total - hour.Good;
            left.Add((Math.Max(first, hour.Hour), Left()));
            var day = DateOnly.FromDateTime(DateTimeOffset.UnixEpoch.AddHours(hour.Hour).UtcDateTime);
            if (days.Count > 0 && days[^1].Day == day) days[^1] = days[^1] with { Good = days[^1].Good + hour.Good, Total = days[^1].Total + hour.Total, Left = Left() };
            else days.Add(new(day, hour.Good, hour.Total, Left()));
        }
        left.Add((last, Left()));
        double lowest = Math.Max(Floor, Math.Min(0, left.Min(l => l.Left)));
        var points = new StringBuilder();
        foreach (var (hour, share) in left)
            points.Append(CultureInfo.InvariantCulture, $"{(hour - first) * Width / (double)(last - first):F1},{Y(Math.Max(Floor, share), lowest):F1} ");
        return new(points.ToString().TrimEnd(), Y(0, lowest), lowest, Left(), [.. days.AsEnumerable().Reverse()]);

        double Left() => 1 - bad / (total * objective.Budget);
    }

    private static double Y(double share, double lowest) => 2 + (1 - share) / (1 - lowest) * (Height - 4);
}
