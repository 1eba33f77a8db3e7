using NodaTime;
using NodaTime.TimeZones;

namespace Rag.Incidents;

/// <summary>
/// Days on which people work, in one place. Time zones come from the tz database that NodaTime carries, so that neither the
/// machine nor its settings have a say.
/// </summary>
/// <param name="Days">Days of the week that are worked on.</param>
/// <param name="Dates">Holidays of one year.</param>
/// <param name="Yearly">Holidays of every year, as month and day; 29 February is one in leap years only.</param>
/// <param name="End">When a working day ends.</param>
internal sealed record BusinessCalendar(DateTimeZone Zone, IReadOnlySet<IsoDayOfWeek> Days, IReadOnlySet<LocalDate> Dates, IReadOnlySet<(int Month, int Day)> Yearly, LocalTime End)
{
    /// <summary>Far more holidays in a row than there are; past them, any day will do.</summary>
    private const int MaxDays = 800;

    /// <summary>Where the clocks are put forward over the end of the day, it is when they go on; where they are put back, the first of the two.</summary>
    private static readonly ZoneLocalMappingResolver FirstReached = Resolvers.CreateMappingResolver(Resolvers.ReturnEarlier, Resolvers.ReturnStartOfIntervalAfter);

    public bool IsBusinessDay(LocalDate date) => Days.Contains(date.DayOfWeek) && !Dates.Contains(date) && !Yearly.Contains((date.Month, date.Day));

    /// <summary>The end of the first business day after the day that it is at an instant, in this place.</summary>
    public Instant EndOfNextBusinessDay(Instant from)
    {
        var today = from.InZone(Zone).Date;
        for (int i = 1; i <= MaxDays; i++)
        {
            var day = today.PlusDays(i);
            if (!IsBusinessDay(day)) continue;
            var end = (day + End).InZone(Zone, FirstReached);
            // A day that a place left out when it crossed the date line is none to respond on.
            if (end.Date == day) return end.ToInstant();
        }
        return from + Duration.FromDays(1);
    }
}

/// <summary>By when somebody has to respond, as the runbook promises it. Pure.</summary>
internal static class Deadlines
{
    public static readonly TimeSpan P0 = TimeSpan.FromMinutes(15), P1 = TimeSpan.FromHours(1), P2 = TimeSpan.FromHours(4);

    /// <summary>P0, P1 and P2 run around the clock; P3 is due at the end of the next business day.</summary>
    public static DateTimeOffset Respond(string severity, DateTimeOffset from, BusinessCalendar calendar) => severity switch
    {
        IncidentSeverity.P0 => from + P0,
        IncidentSeverity.P1 => from + P1,
        IncidentSeverity.P2 => from + P2,
        _ => calendar.EndOfNextBusinessDay(Instant.FromDateTimeOffset(from)).ToDateTimeOffset(),
    };
}
