using System.Diagnostics.Metrics;

namespace Rag.Incidents;

internal static class NotificationOutcome
{
    /// <summary>Given up after the last try.</summary>
    public const string GivenUp = "given_up";

    public const string Sent = "sent", Failed = "failed";

    public static readonly IReadOnlyList<string> All = [Sent, Failed, GivenUp];
}

internal sealed class IncidentMetrics
{
    public const string MeterName = "Rag.Incidents";

    private readonly Counter<long> _notifications;
    private volatile IReadOnlyDictionary<string, int> _open = new Dictionary<string, int>();

    public IncidentMetrics(IMeterFactory meters, IEnumerable<INotificationChannel> channels)
    {
        var meter = meters.Create(MeterName);
        meter.CreateObservableGauge("rag_incidents_open", () => IncidentSeverity.All.Select(s => new Measurement<int>(_open.GetValueOrDefault(s), new KeyValuePair<string, object?>("severity", s))),
            description: "Incidents that are open, acknowledged ones among them; every replica shows those of all.");
        _notifications = meter.CreateCounter<long>("rag_notifications", description: "Messages about incidents: tries that were sent or failed, and messages that were given up.");
        foreach (var channel in channels)
            foreach (string outcome in NotificationOutcome.All) Notified(channel.Name, outcome, 0);
    }

    public void Open(IEnumerable<Incident> incidents) => _open = incidents.Where(i => i.Open).CountBy(i => i.Severity).ToDictionary();

    /// <param name="outcome">One of <see cref="NotificationOutcome.All"/>.</param>
    public void Notified(string channel, string outcome, int count = 1) =>
        _notifications.Add(count, new("channel", channel), new KeyValuePair<string, object?>("outcome", outcome));
}
