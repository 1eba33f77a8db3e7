using System.Globalization;

namespace Rag.Maintenance.Retention;

/// <summary>A backup as the policy looks at it.</summary>
/// <param name="Whole">Whether it is whole on disk: neither running nor failed nor damaged.</param>
/// <param name="Proven">Whether it was read back or restored.</param>
internal sealed record KeptBackup(string Id, string Kind, DateTimeOffset At, bool Whole, bool Proven);

/// <param name="Keep">Whether it stays.</param>
/// <param name="Why">The rule that keeps it, or that it is due by, a sentence.</param>
internal sealed record ThinningDecision(KeptBackup Backup, bool Keep, string Why);

/// <summary>
/// Which backups stay: of each kind all for some days, then one of each week, then one of each month, and none for longer than
/// the whole period. The newest of a kind and its newest proven one always stay, however old they are.
/// </summary>
/// <param name="AllDays">All stay for so many days.</param>
/// <param name="WeeklyDays">One of each week (ISO 8601) stays until it is so many days old.</param>
/// <param name="Days">One of each month stays until it is so many days old.</param>
internal sealed record BackupThinning(int AllDays, int WeeklyDays, int Days)
{
    public IReadOnlyList<ThinningDecision> Decide(IEnumerable<KeptBackup> backups, DateTimeOffset now) => [.. backups.GroupBy(b => b.Kind).SelectMany(kind => Decide([.. kind], now))];

    private IEnumerable<ThinningDecision> Decide(List<KeptBackup> kind, DateTimeOffset now)
    {
        var whole = kind.Where(b => b.Whole).OrderByDescending(b => b.At).ThenByDescending(b => b.Id, StringComparer.Ordinal).ToList();
        var newest = whole.FirstOrDefault();
        var proven = whole.Find(b => b.Proven);
        var ofWeek = Chosen(whole, b => (ISOWeek.GetYear(b.At.UtcDateTime), ISOWeek.GetWeekOfYear(b.At.UtcDateTime)));
        var ofMonth = Chosen(whole, b => (b.At.UtcDateTime.Year, b.At.UtcDateTime.Month));
        foreach (var b in kind)
        {
            var age = now - b.At;
            yield return b == proven ? new(b, true, "It is the newest of its kind that was proven.")
                : b == newest ? new(b, true, "It is the newest of its kind.")
                : age <= TimeSpan.FromDays(AllDays) ? new(b, true, $"All stay for {AllDays} days.")
                : !b.Whole ? new(b, false, $"It is not whole, and older than {AllDays} days.")
                : age > TimeSpan.FromDays(Days) ? new(b, false, $"It is older than {Days} days.")
                : age <= TimeSpan.FromDays(WeeklyDays) ? ofWeek.Contains(b) ? new(b, true, $"It stands for its week until it is {WeeklyDays} days old.") : new(b, false, $"Another stands for its week, and it is older than {AllDays} days.")
                : ofMonth.Contains(b) ? new(b, true, $"It stands for its month until it is {Days} days old.")
                : new(b, false, $"Another stands for its month, and it is older than {WeeklyDays} days.");
        }
    }

    /// <summary>Of each stretch of time the newest that was proven, or the newest where none was.</summary>
    private static HashSet<KeptBackup> Chosen<T>(List<KeptBackup> newestFirst, Func<KeptBackup, T> stretch) => [.. newestFirst.GroupBy(stretch).Select(g => g.FirstOrDefault(b => b.Proven) ?? g.First())];
}
