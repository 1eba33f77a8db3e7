using System.Globalization;

namespace Rag.Incidents;

/// <summary>What a message says; channels add by when and how to acknowledge, and the link.</summary>
internal static class NotificationText
{
    public static Notification Of(Incident incident, PlannedNotification planned, string channel, IncidentsOptions options) => new(
        planned.Key(incident.Id, channel), planned.Step, planned.Role, incident.Name, incident.Severity, incident.Title, Text(incident, planned), planned.Deadline, Link(incident, options));

    public static Notification Test(string role, string channel, string id) => new(
        $"test/{role}/{channel}/{id}", Step.Test, role, "INC-test", IncidentSeverity.P3, "Test of the contacts",
        $"This is a test of how rag-system reaches the role {role} by {channel}. Nothing has happened, and nothing is to be done.", null, null);

    private static string? Link(Incident incident, IncidentsOptions options) => options.PublicAddress.Length == 0 ? null : $"{options.PublicAddress.TrimEnd('/')}/incidents/{incident.Name}";

    private static string Text(Incident incident, PlannedNotification planned)
    {
        var lines = new List<string> { $"{incident.Severity}, {IncidentSeverity.Meaning(incident.Severity)}." };
        if (incident.Description.Length > 0) lines.Add(incident.Description);
        lines.Add($"Began {At(incident.StartedAt)}, opened {At(incident.OpenedAt)}.");
        if (planned.Step == Step.Resolved)
        {
            lines.Add($"Resolved {At(incident.ResolvedAt ?? incident.LastAt)}.");
            return string.Join('\n', lines);
        }
        if (planned.Step == Step.Escalated) lines.Add("Nobody has acknowledged it in time.");
        if (incident.Round > 1) lines.Add($"It was resolved before and is open again, for the {incident.Round}. time.");
        return string.Join('\n', lines);
    }

    private static string At(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " UTC";
}
