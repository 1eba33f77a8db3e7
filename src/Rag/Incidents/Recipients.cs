namespace Rag.Incidents;

/// <summary>Who hears of an incident by which channel: what the ladder asks for, over the channels that serve the role.</summary>
internal sealed class Recipients(Escalation escalation, IEnumerable<INotificationChannel> channels)
{
    /// <summary>The incident that a channel which fails is; its alerts name the channels.</summary>
    public const string ChannelFailing = "NotificationChannelFailing";

    private const string ChannelFingerprint = "rag:channel:";

    private readonly IReadOnlyList<INotificationChannel> _channels = [.. channels];

    public IReadOnlyList<INotificationChannel> Channels => _channels;

    public static string FingerprintOf(string channel) => ChannelFingerprint + channel;

    /// <summary>Every message of the incident's present opening, sent already or not.</summary>
    public IReadOnlyList<(PlannedNotification Planned, string Channel)> Of(Incident incident)
    {
        var plan = escalation.Plan(incident);
        // Nobody is told by a channel that it does not work.
        var failing = incident.Key == ChannelFailing ? incident.Alerts.Select(a => a.Fingerprint).ToHashSet() : [];
        var usable = _channels.Where(c => !failing.Contains(FingerprintOf(c.Name))).ToList();
        var served = plan.SelectMany(p => usable.Where(c => c.Serves(p.Role)).Select(c => (p, c.Name))).ToList();
        if (served.Count > 0 || failing.Count == 0) return served;
        // Of the roles that were to hear of it none is reached any other way: whoever can be reached hears of it.
        return [.. plan.Select(p => (p.Round, p.Step, p.Deadline)).Distinct().SelectMany(p => usable.SelectMany(c => IncidentRole.All.Where(c.Serves).Select(r => (new PlannedNotification(p.Round, p.Step, r, p.Deadline), c.Name))))];
    }
}
