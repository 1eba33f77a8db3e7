using Rag.Foundation;

namespace Rag.Incidents;

/// <summary>The time that an incident takes, as far as choosing one for an alert needs it.</summary>
internal sealed record IncidentSpan(string Id, DateTimeOffset StartedAt, DateTimeOffset? ResolvedAt, long Events);

/// <summary>Which incident an alert belongs to, and which events it is. Pure: the record and the interim state decide alike.</summary>
internal static class AlertIntake
{
    /// <summary>What fires again within this time of the resolution is the same incident.</summary>
    public static readonly TimeSpan ReopenWithin = TimeSpan.FromHours(1);

    /// <summary>An incident with more events takes no further alerts: the next one opens another.</summary>
    public const int MaxEvents = 5_000;

    /// <summary>Gives every alert its incident, which is an existing one or a new one.</summary>
    /// <param name="alerts">Of one key.</param>
    /// <param name="known">Incident of each firing that was seen before.</param>
    /// <param name="spans">Incidents of the key, some of the latest.</param>
    public static IReadOnlyList<(Alert Alert, string IncidentId)> Assign(IEnumerable<Alert> alerts, IReadOnlyDictionary<string, string> known, IEnumerable<IncidentSpan> spans)
    {
        var all = spans.ToList();
        var assigned = new List<(Alert, string)>();
        foreach (var alert in alerts.OrderBy(a => a.StartsAt).ThenBy(a => a.Fingerprint, StringComparer.Ordinal))
        {
            string id = known.GetValueOrDefault(Firing(alert)) ?? Choose(alert, all) ?? IncidentIds.Of("incident", alert.Key, Clock.ToMicroseconds(alert.StartsAt).ToString(System.Globalization.CultureInfo.InvariantCulture));
            assigned.Add((alert, id));
            Widen(all, id, alert);
        }
        return assigned;
    }

    /// <summary>A firing of an alert as events; the second of the two only where it is over. The first, of the opening, is one for all alerts of the incident.</summary>
    public static IEnumerable<IncidentEvent> Events(Alert alert, string incidentId, DateTimeOffset now)
    {
        long starts = Clock.ToMicroseconds(alert.StartsAt), received = Clock.ToMicroseconds(now);
        string firing = Firing(alert);
        yield return new(OpenedId(incidentId), incidentId, alert.StartsAt, IncidentKind.Opened, alert.Actor,
            new(Key: alert.Key, Title: alert.Title, Severity: alert.Severity, Text: alert.Text, Fingerprint: alert.Fingerprint, StartsAt: starts, ReceivedAt: received));
        // An alert that is over has fired, whether or not that was told first.
        yield return new(IncidentIds.Of("alert", firing, "fired"), incidentId, alert.StartsAt, IncidentKind.AlertFired, alert.Actor,
            new(Title: alert.Title, Severity: alert.Severity, Text: alert.Text, Fingerprint: alert.Fingerprint, StartsAt: starts, ReceivedAt: received, Labels: alert.Labels, Source: alert.Source));
        if (alert.EndedAt is { } ended)
            yield return new(IncidentIds.Of("alert", firing, "resolved"), incidentId, ended, IncidentKind.AlertResolved, alert.Actor, new(Title: alert.Title, Fingerprint: alert.Fingerprint, StartsAt: starts, ReceivedAt: received));
    }

    public static string OpenedId(string incidentId) => IncidentIds.Of("opened", incidentId);

    public static string Firing(Alert alert) => IncidentIds.Firing(alert.Fingerprint, Clock.ToMicroseconds(alert.StartsAt));

    public static string? Choose(Alert alert, IEnumerable<IncidentSpan> spans) => spans
        .Where(s => s.Events < MaxEvents && alert.StartsAt <= (s.ResolvedAt ?? DateTimeOffset.MaxValue - ReopenWithin) + ReopenWithin && (alert.EndedAt ?? DateTimeOffset.MaxValue) >= s.StartedAt - ReopenWithin)
        .OrderBy(s => s.ResolvedAt is null ? 0 : 1).ThenByDescending(s => s.StartedAt).ThenBy(s => s.Id, StringComparer.Ordinal).FirstOrDefault()?.Id;

    private static void Widen(List<IncidentSpan> all, string id, Alert alert)
    {
        int i = all.FindIndex(s => s.Id == id);
        if (i < 0) all.Add(new(id, alert.StartsAt, alert.EndedAt, 3));
        else
        {
            var s = all[i];
            bool open = s.ResolvedAt is null || alert.EndedAt is null;
            all[i] = new(id, alert.StartsAt < s.StartedAt ? alert.StartsAt : s.StartedAt, open ? null : alert.EndedAt > s.ResolvedAt ? alert.EndedAt : s.ResolvedAt, s.Events + 2);
        }
    }
}
