using System.Globalization;
using NodaTime;
using Rag.Foundation;

namespace Rag.Incidents;

/// <summary>Section <c>Incidents:Escalation</c>: who is told, rung by rung, while nobody acknowledges. Rungs are separated by commas, roles of one rung by '+'.</summary>
internal sealed class EscalationOptions
{
    /// <summary>Whoever is told first, of every severity.</summary>
    public string First { get; set; } = IncidentRole.OnCall;

    public string P0 { get; set; } = $"{IncidentRole.DevOps}, {IncidentRole.Manager}";
    public string P1 { get; set; } = $"{IncidentRole.DevOps}, {IncidentRole.Manager}";
    public string P2 { get; set; } = IncidentRole.DevOps;
    public string P3 { get; set; } = IncidentRole.DevOps;

    /// <summary>Rungs from the first, which is told when the incident opens; each next when another time to respond has passed.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Ladder(string severity) =>
        [Roles(First), .. Split(severity switch { IncidentSeverity.P0 => P0, IncidentSeverity.P1 => P1, IncidentSeverity.P2 => P2, _ => P3 }, ',').Select(Roles)];

    public IEnumerable<ConfigurationError> Validate()
    {
        foreach (var (name, value) in new[] { (nameof(First), First), (nameof(P0), P0), (nameof(P1), P1), (nameof(P2), P2), (nameof(P3), P3) })
        {
            string key = $"Incidents:Escalation:{name}";
            foreach (string role in Split(value, ',').SelectMany(Roles))
                if (!IncidentRole.All.Contains(role)) yield return new(key, $"'{role}' is not a role", $"use {string.Join(", ", IncidentRole.All)}");
            if (name == nameof(First) && Split(value, ',').Count != 1) yield return new(key, "is one rung", $"name one role, or several with '+', such as {IncidentRole.OnCall}");
        }
    }

    private static IReadOnlyList<string> Roles(string rung) => Split(rung, '+');

    private static IReadOnlyList<string> Split(string text, char by) => text.Split(by, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

/// <summary>Section <c>Incidents</c>.</summary>
internal sealed class IncidentsOptions : IValidatedOptions
{
    private const string Date = "yyyy-MM-dd", Yearly = "--MM-dd";

    public string Section => "Incidents";

    /// <summary>Where business days are counted: a name of the tz database, such as Europe/Berlin.</summary>
    public string TimeZone { get; set; } = "UTC";

    /// <summary>Days nobody works on, separated by commas: <c>yyyy-MM-dd</c>, or <c>--MM-dd</c> for every year.</summary>
    public string Holidays { get; set; } = "";

    /// <summary>Days of the week that are worked on, separated by commas.</summary>
    public string BusinessDays { get; set; } = "Monday, Tuesday, Wednesday, Thursday, Friday";

    /// <summary>When a business day ends, HH:mm.</summary>
    public string BusinessDayEnd { get; set; } = "17:00";

    /// <summary>Address at which people reach the web console, for links in notifications; none are sent where it is empty.</summary>
    public string PublicAddress { get; set; } = "";

    /// <summary>Whether the product opens incidents about its own objectives, for times without Prometheus.</summary>
    public bool WatchObjectives { get; set; } = true;

    /// <summary>Bound of what waits on this replica's disk while the record is away, mebibytes.</summary>
    public int SpoolMb { get; set; } = 16;

    public EscalationOptions Escalation { get; set; } = new();

    public IEnumerable<ConfigurationError> Validate()
    {
        if (DateTimeZoneProviders.Tzdb.GetZoneOrNull(TimeZone) is null) yield return new("Incidents:TimeZone", $"'{TimeZone}' is not a time zone", "use a name of the tz database, such as Europe/Berlin");
        foreach (string day in List(Holidays))
            if (!IsDate(day) && !IsYearly(day)) yield return new("Incidents:Holidays", $"'{day}' is not a day", "write yyyy-MM-dd, or --MM-dd for every year, separated by commas");
        if (List(Holidays).Count > 1_000) yield return new("Incidents:Holidays", "has more than 1000 days", "leave out the years that are over");
        foreach (string day in List(BusinessDays))
            if (!IsDayOfWeek(day)) yield return new("Incidents:BusinessDays", $"'{day}' is not a day of the week", "write Monday, Tuesday and so on, separated by commas");
        if (List(BusinessDays).Count == 0) yield return new("Incidents:BusinessDays", "names no day", "name one day of the week at least");
        if (!TimeOnly.TryParseExact(BusinessDayEnd, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out _)) yield return new("Incidents:BusinessDayEnd", $"'{BusinessDayEnd}' is not a time of day", "write HH:mm, such as 17:00");
        if (PublicAddress.Length > 0 && !(Uri.TryCreate(PublicAddress, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            yield return new("Incidents:PublicAddress", $"'{PublicAddress}' is not an address", "write it as https://rag.example.org, or leave it empty");
        if (SpoolMb is < 1 or > 1_024) yield return new("Incidents:SpoolMb", $"{SpoolMb} is out of range", "choose 1 to 1024");
        foreach (var error in Escalation.Validate()) yield return error;
    }

    public BusinessCalendar Calendar()
    {
        var end = TimeOnly.ParseExact(BusinessDayEnd, "HH:mm", CultureInfo.InvariantCulture);
        return new(
            DateTimeZoneProviders.Tzdb[TimeZone], List(BusinessDays).Select(d => Enum.Parse<IsoDayOfWeek>(d, ignoreCase: true)).ToHashSet(),
            List(Holidays).Where(IsDate).Select(d => LocalDate.FromDateOnly(DateOnly.ParseExact(d, Date, CultureInfo.InvariantCulture))).ToHashSet(),
            List(Holidays).Where(IsYearly).Select(d => (int.Parse(d.AsSpan(2, 2), CultureInfo.InvariantCulture), int.Parse(d.AsSpan(5, 2), CultureInfo.InvariantCulture))).ToHashSet(),
            new LocalTime(end.Hour, end.Minute));
    }

    private static List<string> List(string text) => [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];

    private static bool IsDate(string day) => DateOnly.TryParseExact(day, Date, CultureInfo.InvariantCulture, DateTimeStyles.None, out _);

    /// <summary>A day of a leap year: 29 February is one.</summary>
    private static bool IsYearly(string day) => day.Length == Yearly.Length && day.StartsWith("--", StringComparison.Ordinal) && IsDate("2000-" + day[2..]);

    private static bool IsDayOfWeek(string day) => Enum.TryParse<IsoDayOfWeek>(day, ignoreCase: true, out var parsed) && parsed != IsoDayOfWeek.None && !char.IsAsciiDigit(day[0]);
}
