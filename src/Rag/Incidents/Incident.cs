using Rag.Foundation;

namespace Rag.Incidents;

/// <summary>One firing of an alert within an incident.</summary>
/// <param name="StartsAt">UTC microseconds; with the fingerprint it names the firing.</param>
/// <param name="EndedAt">Null while it fires.</param>
internal sealed record IncidentAlert(string Fingerprint, long StartsAt, DateTimeOffset? EndedAt, string Title, string Text, IReadOnlyDictionary<string, string> Labels, string? Source)
{
    public string Firing => IncidentIds.Firing(Fingerprint, StartsAt);
}

internal sealed record ActionItem(string Text, string Role, string Due);

/// <param name="Kind">As of the event, or resolved and reopened where an alert brought that about.</param>
internal sealed record TimelineEntry(DateTimeOffset At, string Kind, string Actor, string Text);

/// <summary>
/// An incident, which is what its events make of it: a pure function of the set of them, whatever order they came in.
/// </summary>
internal sealed record Incident
{
    public required string Id { get; init; }
    public string Key { get; private set; } = "";
    public string Title { get; private set; } = "";
    public string Description { get; private set; } = "";
    public string Severity { get; private set; } = IncidentSeverity.P3;

    /// <summary>When what it is about began.</summary>
    public DateTimeOffset StartedAt { get; private set; }

    /// <summary>When the product heard of it: of its present opening, where it was opened again.</summary>
    public DateTimeOffset OpenedAt { get; private set; }

    /// <summary>From when the time to respond runs: the opening, or a later change of severity.</summary>
    public DateTimeOffset RespondFrom { get; private set; }

    public DateTimeOffset FirstOpenedAt { get; private set; }
    public bool Open { get; private set; }

    /// <summary>How often it was opened; each opening is told of and has its own time to respond.</summary>
    public int Round { get; private set; }

    /// <summary>Rung of the ladder that was reached in this round; 0 is whoever is told first.</summary>
    public int Level { get; private set; }

    public DateTimeOffset? AcknowledgedAt { get; private set; }
    public DateTimeOffset? ResolvedAt { get; private set; }

    /// <summary>Role that has it; null before anybody was named.</summary>
    public string? Assignee { get; private set; }

    /// <summary>Role that it was given to, and that has to be told so; whoever acknowledges knows.</summary>
    public string? GivenTo { get; private set; }

    public IReadOnlyList<IncidentAlert> Alerts { get; private set; } = [];
    public IReadOnlyList<IncidentAlert> Firing => [.. Alerts.Where(a => a.EndedAt is null)];
    public IReadOnlyList<ActionItem> ActionItems { get; private set; } = [];
    public IReadOnlyList<TimelineEntry> Timeline { get; private set; } = [];
    public IReadOnlyList<IncidentEvent> Events { get; private set; } = [];

    public string Name => IncidentIds.Short(Id);

    public string State => !Open ? "resolved" : AcknowledgedAt is null ? "open" : "acknowledged";

    /// <summary>Time of the last event: what people do comes after it, whatever the clocks of others say.</summary>
    public DateTimeOffset LastAt => Events.Count == 0 ? DateTimeOffset.UnixEpoch : Events[^1].At;

    /// <param name="events">Of one incident, in any order, some of them several times.</param>
    public static Incident Fold(IEnumerable<IncidentEvent> events)
    {
        var sorted = events.DistinctBy(e => e.Id).OrderBy(e => e.At).ThenBy(e => Order(e.Kind)).ThenBy(e => e.Id, StringComparer.Ordinal).ToList();
        return new Folding(sorted).Result;
    }

    private static int Order(string kind)
    {
        for (int i = 0; i < IncidentKind.All.Count; i++) if (IncidentKind.All[i] == kind) return i;
        return IncidentKind.All.Count;
    }

    private sealed class Folding
    {
        private readonly Incident _incident;
        private readonly Dictionary<string, IncidentAlert> _alerts = [];
        private readonly HashSet<string> _firing = [];
        private readonly Dictionary<string, DateTimeOffset> _settled = [];
        private readonly List<TimelineEntry> _timeline = [];
        private readonly List<ActionItem> _items = [];
        private string? _alertSeverity, _handSeverity;
        private DateTimeOffset _handSeverityAt;
        private bool _byHand;

        public Folding(IReadOnlyList<IncidentEvent> events)
        {
            _incident = new() { Id = events.Count > 0 ? events[0].IncidentId : "", Events = events };
            foreach (var e in events) Apply(e);
            _incident.Severity = _handSeverity ?? _alertSeverity ?? IncidentSeverity.P3;
            _incident.RespondFrom = _handSeverity is not null && _handSeverityAt > _incident.OpenedAt ? _handSeverityAt : _incident.OpenedAt;
            _incident.StartedAt = events.Count > 0 ? events[0].At : default;
            _incident.Alerts = [.. _alerts.Values.OrderBy(a => a.StartsAt).ThenBy(a => a.Fingerprint, StringComparer.Ordinal)];
            _incident.ActionItems = _items;
            _incident.Timeline = _timeline;
        }

        public Incident Result => _incident;

        private void Apply(IncidentEvent e)
        {
            var d = e.Data;
            switch (e.Kind)
            {
                case IncidentKind.Opened:
                    (_incident.Key, _incident.Title, _incident.Description) = (d.Key ?? "", d.Title ?? "", d.Text ?? "");
                    Grade(d.Severity);
                    Tell(e, d.Title ?? "");
                    // What an alert opened is open while alerts fire; what somebody opened, until somebody resolves it.
                    if (d.Fingerprint is null) _byHand = true;
                    Open(e);
                    break;
                case IncidentKind.AlertFired:
                    Fired(e);
                    break;
                case IncidentKind.AlertResolved:
                    Settle(IncidentIds.Firing(d.Fingerprint!, d.StartsAt!.Value), e.At);
                    Tell(e, _alerts.GetValueOrDefault(IncidentIds.Firing(d.Fingerprint!, d.StartsAt!.Value))?.Title ?? d.Title ?? "");
                    CloseIfOver(e);
                    break;
                case IncidentKind.Resolved:
                    _byHand = false;
                    foreach (string firing in d.Covers ?? []) Settle(firing, e.At);
                    Tell(e, d.Text ?? "");
                    if (_firing.Count == 0) Close(e.At);
                    break;
                case IncidentKind.Reopened:
                    _byHand = true;
                    Tell(e, d.Text ?? "");
                    Open(e);
                    break;
                case IncidentKind.SeverityChanged:
                    (_handSeverity, _handSeverityAt) = (d.Severity, e.At);
                    Tell(e, $"{d.Severity} {d.Text}".TrimEnd());
                    break;
                case IncidentKind.Acknowledged:
                    if (_incident.Open) _incident.AcknowledgedAt ??= e.At;
                    _incident.Assignee ??= d.Role;
                    Tell(e, $"by {d.Role} {d.Text}".TrimEnd());
                    break;
                case IncidentKind.Assigned:
                    (_incident.Assignee, _incident.GivenTo) = (d.Role, d.Role);
                    Tell(e, $"to {d.Role} {d.Text}".TrimEnd());
                    break;
                case IncidentKind.Escalated:
                    if (d.Round == _incident.Round) _incident.Level = Math.Max(_incident.Level, d.Level ?? 0);
                    Tell(e, $"to {d.Role}");
                    break;
                case IncidentKind.ActionItem:
                    _items.Add(new(d.Text ?? "", d.Role ?? "", d.Due ?? ""));
                    Tell(e, $"{d.Text} ({d.Role}, by {d.Due})");
                    break;
                case IncidentKind.Notified or IncidentKind.NotifyFailed:
                    Tell(e, $"{d.Step}: {d.Role} by {d.Channel}: {d.Text}");
                    break;
                default:
                    Tell(e, d.Text ?? "");
                    break;
            }
        }

        private void Fired(IncidentEvent e)
        {
            var d = e.Data;
            string firing = IncidentIds.Firing(d.Fingerprint!, d.StartsAt!.Value);
            _alerts[firing] = new(d.Fingerprint!, d.StartsAt.Value, _settled.TryGetValue(firing, out var ended) ? ended : null, d.Title ?? "", d.Text ?? "", d.Labels ?? new Dictionary<string, string>(), d.Source);
            Grade(d.Severity);
            Tell(e, d.Title ?? "");
            if (!_settled.ContainsKey(firing)) _firing.Add(firing);
            bool again = !_incident.Open && _incident.Round > 0;
            if (_firing.Count == 0) return;
            if (again) _timeline.Add(new(e.At, IncidentKind.Reopened, e.Actor, "an alert fires again"));
            Open(e);
        }

        private void Settle(string firing, DateTimeOffset at)
        {
            _settled.TryAdd(firing, at);
            _firing.Remove(firing);
            if (_alerts.TryGetValue(firing, out var alert) && alert.EndedAt is null) _alerts[firing] = alert with { EndedAt = at };
        }

        private void CloseIfOver(IncidentEvent e)
        {
            if (!_incident.Open || _byHand || _firing.Count > 0) return;
            Close(e.At);
            _timeline.Add(new(e.At, IncidentKind.Resolved, e.Actor, "no alert of it fires any more"));
        }

        private void Open(IncidentEvent e)
        {
            var heard = e.Data.ReceivedAt is { } received ? Clock.FromMicroseconds(received) : e.At;
            if (_incident.Open) return;
            _incident.Open = true;
            _incident.Round++;
            if (_incident.Round == 1) _incident.FirstOpenedAt = heard;
            (_incident.OpenedAt, _incident.Level, _incident.AcknowledgedAt, _incident.ResolvedAt) = (heard, 0, null, null);
        }

        private void Close(DateTimeOffset at)
        {
            if (!_incident.Open) return;
            (_incident.Open, _incident.ResolvedAt) = (false, at);
        }

        private void Grade(string? severity)
        {
            if (severity is not null) _alertSeverity = _alertSeverity is null ? severity : IncidentSeverity.Worse(_alertSeverity, severity);
        }

        private void Tell(IncidentEvent e, string text) => _timeline.Add(new(e.At, e.Kind, e.Actor, text));
    }
}
