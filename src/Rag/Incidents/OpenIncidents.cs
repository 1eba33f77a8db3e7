using Rag.Foundation;

namespace Rag.Incidents;

/// <summary>
/// The incidents that are open, or were an hour ago, as this replica saw them last in the record: what metrics show, and what
/// is known while the record is away.
/// </summary>
internal sealed class OpenIncidents(IncidentRecord incidents, Outbox outbox, TimeProvider time)
{
    public sealed record Seen(IReadOnlyDictionary<string, Incident> Incidents, IReadOnlyDictionary<string, NotificationRow> Notifications, DateTimeOffset At);

    private Dictionary<string, long> _versions = [];
    private volatile Seen _seen = new(new Dictionary<string, Incident>(), new Dictionary<string, NotificationRow>(), DateTimeOffset.UnixEpoch);

    public Seen Last => _seen;

    /// <summary>Looks again; what did not change is not read again.</summary>
    public async Task LookAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var versions = (await incidents.RecentVersionsAsync(now - AlertIntake.ReopenWithin, ct)).ToDictionary(v => v.Id, v => v.Version);
        var before = _seen.Incidents;
        var changed = versions.Where(v => !before.ContainsKey(v.Key) || _versions.GetValueOrDefault(v.Key) != v.Value).Select(v => v.Key).ToList();
        var next = before.Where(i => versions.ContainsKey(i.Key)).ToDictionary(i => i.Key, i => i.Value);
        foreach (var incident in await incidents.LoadAsync(changed, ct)) next[incident.Id] = incident;
        var rows = next.Count == 0 ? [] : await outbox.ListAsync([.. next.Keys], ct);
        _versions = versions;
        _seen = new(next, rows.ToDictionary(r => new PlannedNotification(r.Round, r.Step, r.Role, null).Key(r.IncidentId, r.Channel)), now);
    }
}
