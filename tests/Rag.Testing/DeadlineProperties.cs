using System.Globalization;
using NodaTime;
using Rag.Incidents;

namespace Rag.Testing;

/// <summary>
/// What must hold of every deadline, checked on made-up cases: all time zones, changes of clocks, ends of years, leap days,
/// holidays, unusual weeks. The check knows nothing of how deadlines are computed: it looks at local times along the way.
/// </summary>
public static class DeadlineProperties
{
    private static readonly string[] Severities = ["P0", "P1", "P2", "P3"];

    private delegate DateTimeOffset Respond(string severity, DateTimeOffset from, BusinessCalendar calendar);

    /// <summary>How many of so many cases break a property; none should.</summary>
    public static int Check(int cases, int seed) => Count(cases, seed, Deadlines.Respond);

    /// <summary>The same of computations that are wrong on purpose: each must be caught, or the check sees nothing.</summary>
    public static IReadOnlyDictionary<string, int> CheckWrongOnes(int cases, int seed) => new Dictionary<string, int>
    {
        ["holidays are worked on"] = Count(cases, seed, (s, from, c) => Deadlines.Respond(s, from, c with { Dates = new HashSet<LocalDate>(), Yearly = new HashSet<(int, int)>() })),
        ["29 February is a holiday of every year, on the 28th"] = Count(cases, seed, (s, from, c) => Deadlines.Respond(s, from, c with { Yearly = c.Yearly.Select(y => y == (2, 29) ? (2, 28) : y).ToHashSet() })),
        ["the place does not matter"] = Count(cases, seed, (s, from, c) => Deadlines.Respond(s, from, c with { Zone = DateTimeZone.Utc })),
        ["the clocks are never changed"] = Count(cases, seed, (s, from, c) => Deadlines.Respond(s, from, c with { Zone = DateTimeZone.ForOffset(c.Zone.GetUtcOffset(Instant.FromDateTimeOffset(from))) })),
        ["today counts"] = Count(cases, seed, (s, from, c) => s == "P3" ? Deadlines.Respond(s, from.AddDays(-1), c) : Deadlines.Respond(s, from, c)),
        ["nobody responds at night"] = Count(cases, seed, (s, from, c) => s == "P0" && from.Hour < 6 ? from.AddHours(6) : Deadlines.Respond(s, from, c)),
    };

    private static int Count(int cases, int seed, Respond respond)
    {
        var random = new Random(seed);
        int violations = 0;
        for (int i = 0; i < cases; i++)
        {
            var (severity, from, calendar) = Case(random);
            if (!Holds(severity, from, calendar, respond)) violations++;
        }
        return violations;
    }

    private static bool Holds(string severity, DateTimeOffset from, BusinessCalendar calendar, Respond respond)
    {
        var deadline = respond(severity, from, calendar);
        // An instant is an instant, however it is written.
        if (respond(severity, from.ToOffset(TimeSpan.FromHours(7)), calendar) != deadline) return false;
        if (respond(severity, from.AddMinutes(90), calendar) < deadline) return false;
        if (severity != "P3") return deadline - from == severity switch { "P0" => TimeSpan.FromMinutes(15), "P1" => TimeSpan.FromHours(1), _ => TimeSpan.FromHours(4) };
        if (!Over(deadline)) return false;
        if (Over(deadline.AddTicks(-1))) return false;
        for (var t = from; t < deadline; t = t.AddMinutes(15))
            if (Over(t)) return false;
        return true;

        // Whether the end of a business day after the day of the incident has come, by the clocks and calendars of the place.
        bool Over(DateTimeOffset at)
        {
            DateTime there = Local(at), began = Local(from);
            return there.Date > began.Date && there.TimeOfDay >= new TimeSpan(calendar.End.Hour, calendar.End.Minute, 0) && IsBusinessDay(there);
        }

        DateTime Local(DateTimeOffset at) => at.UtcDateTime + calendar.Zone.GetUtcOffset(Instant.FromDateTimeOffset(at)).ToTimeSpan();

        bool IsBusinessDay(DateTime day)
        {
            string written = day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
            bool worked = calendar.Days.Any(d => d.ToString() == day.DayOfWeek.ToString());
            return worked && !calendar.Dates.Any(d => d.ToString("uuuu-MM-dd", CultureInfo.InvariantCulture) == written)
                && !calendar.Yearly.Any(y => string.Create(CultureInfo.InvariantCulture, $"{y.Month:D2}-{y.Day:D2}") == written[5..]);
        }
    }

    private static (string Severity, DateTimeOffset From, BusinessCalendar Calendar) Case(Random random)
    {
        var ids = DateTimeZoneProviders.Tzdb.Ids;
        var zone = DateTimeZoneProviders.Tzdb[ids[random.Next(ids.Count)]];
        var from = From(random, zone);
        var week = new[] { IsoDayOfWeek.Monday, IsoDayOfWeek.Tuesday, IsoDayOfWeek.Wednesday, IsoDayOfWeek.Thursday, IsoDayOfWeek.Friday };
        var days = random.Next(3) > 0 ? [.. week] : Enum.GetValues<IsoDayOfWeek>().Where(d => d != IsoDayOfWeek.None && random.Next(2) == 0).Append(IsoDayOfWeek.Sunday).ToHashSet();
        var today = LocalDate.FromDateTime(from.UtcDateTime);
        var dates = Enumerable.Range(0, random.Next(8)).Select(_ => today.PlusDays(random.Next(1, 12))).ToHashSet();
        var yearly = Enumerable.Range(0, random.Next(5)).Select(_ => today.PlusDays(random.Next(0, 8))).Select(d => (d.Month, d.Day)).ToHashSet();
        if (random.Next(2) == 0) yearly.UnionWith([(1, 1), (2, 29), (12, 25), (12, 26)]);
        var end = random.Next(3) > 0 ? new LocalTime(17, 0) : new LocalTime(random.Next(24), random.Next(4) * 15);
        // The worst severity is checked less often: there is less to it.
        return (random.Next(2) == 0 ? "P3" : Severities[random.Next(4)], from, new(zone, days, dates, yearly, end));
    }

    private static DateTimeOffset From(Random random, DateTimeZone zone)
    {
        int year = random.Next(1990, 2046);
        var any = new DateTimeOffset(year, 1, 1, 0, 0, 0, TimeSpan.Zero).AddMinutes(random.Next(525_600));
        var near = random.Next(4) switch
        {
            0 => any,
            1 => Change(zone, any) ?? any,
            2 => new DateTimeOffset(year, 12, 31, 12, 0, 0, TimeSpan.Zero),
            _ => new DateTimeOffset(year, 2, 28, 12, 0, 0, TimeSpan.Zero),
        };
        return near.AddMinutes(random.Next(-5_000, 2_000)).AddTicks(random.Next(10_000_000));
    }

    private static DateTimeOffset? Change(DateTimeZone zone, DateTimeOffset after)
    {
        var interval = zone.GetZoneInterval(Instant.FromDateTimeOffset(after));
        return interval.HasEnd && interval.End < Instant.FromUtc(2060, 1, 1, 0, 0) ? interval.End.ToDateTimeOffset() : null;
    }
}
