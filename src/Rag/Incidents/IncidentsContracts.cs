using System.Text.Json.Serialization;

namespace Rag.Incidents;

/// <param name="Id">The name that people use, such as INC-1a2b3c4d.</param>
/// <param name="Key">What it is about; alerts of that name belong to it.</param>
/// <param name="State">open, acknowledged or resolved.</param>
/// <param name="StartedAt">When what it is about began.</param>
/// <param name="OpenedAt">When the product heard of it; of its present opening, where it was opened again.</param>
/// <param name="Deadline">By when somebody has to acknowledge, counted from the opening.</param>
/// <param name="DeadlineMet">Absent while that is not decided.</param>
/// <param name="NextEscalation">When the next rung of the ladder is told; absent where none will be.</param>
/// <param name="Round">How often it was opened.</param>
/// <param name="FiringAlerts">Alerts of it that fire now.</param>
public sealed record IncidentSummary(
    string Id, string Key, string Title, string Severity, string State, DateTimeOffset StartedAt, DateTimeOffset OpenedAt, DateTimeOffset Deadline, bool? DeadlineMet, DateTimeOffset? NextEscalation,
    DateTimeOffset? AcknowledgedAt, DateTimeOffset? ResolvedAt, string? Assignee, int Round, int FiringAlerts);

public sealed record IncidentList(IReadOnlyList<IncidentSummary> Incidents);

/// <param name="EndedAt">Absent while it fires.</param>
public sealed record IncidentAlertView(string Title, string Text, DateTimeOffset StartsAt, DateTimeOffset? EndedAt, IReadOnlyDictionary<string, string> Labels, string? Source);

public sealed record TimelineView(DateTimeOffset At, string Kind, string Actor, string Text);

/// <param name="State">due, sent or failed.</param>
public sealed record NotificationView(string Step, string Role, string Channel, string State, int Tries, DateTimeOffset? SentAt, string? Detail);

/// <param name="Due">yyyy-MM-dd.</param>
public sealed record ActionItemView(string Text, string Role, string Due);

/// <param name="Notifications">Absent while the record is away; the timeline then says what was sent.</param>
public sealed record IncidentDetail(
    IncidentSummary Incident, string Description, IReadOnlyList<IncidentAlertView> Alerts, IReadOnlyList<TimelineView> Timeline, IReadOnlyList<ActionItemView> ActionItems, IReadOnlyList<NotificationView>? Notifications);

/// <param name="Severity">P0, P1, P2 or P3.</param>
public sealed record NewIncident(string? Title, string? Severity, string? Description);

/// <summary>What a step on an incident needs; which of it depends on the step.</summary>
/// <param name="Role">acknowledge, assign, action-items: on-call-engineer, devops-team or engineering-manager.</param>
/// <param name="Due">action-items: yyyy-MM-dd.</param>
public sealed record IncidentChange(string? Role = null, string? Severity = null, string? Text = null, string? Due = null);

/// <param name="Alerts">Alerts that were taken in.</param>
/// <param name="Incidents">Names of the incidents that they changed.</param>
public sealed record AlertsTaken(int Alerts, IReadOnlyList<string> Incidents);

/// <param name="Role">All roles where it is absent.</param>
public sealed record ContactTest(string? Role = null);

public sealed record ContactResult(string Role, string Channel, bool Sent, string Detail);

/// <param name="Passed">Every role has a channel, and every channel took the message.</param>
/// <param name="Unreachable">Roles that no channel serves.</param>
public sealed record ContactReport(bool Passed, IReadOnlyList<ContactResult> Results, IReadOnlyList<string> Unreachable);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IncidentList))]
[JsonSerializable(typeof(IncidentDetail))]
[JsonSerializable(typeof(NewIncident))]
[JsonSerializable(typeof(IncidentChange))]
[JsonSerializable(typeof(AlertsTaken))]
[JsonSerializable(typeof(ContactTest))]
[JsonSerializable(typeof(ContactReport))]
internal sealed partial class IncidentsJson : JsonSerializerContext;

/// <summary>Incidents as they are shown.</summary>
internal sealed class IncidentViews(Escalation escalation, Outbox outbox, Storage.RecordState state, TimeProvider time)
{
    public IncidentSummary Summary(Incident i)
    {
        var deadline = escalation.Deadline(i);
        return new(i.Name, i.Key, i.Title, i.Severity, i.State, i.StartedAt, i.OpenedAt, deadline, Met(i, deadline), escalation.NextDue(i), i.AcknowledgedAt, i.ResolvedAt, i.Assignee, i.Round, i.Firing.Count);
    }

    public async Task<IncidentDetail> DetailAsync(Incident i, CancellationToken ct) => new(
        Summary(i), i.Description, [.. i.Alerts.Select(a => new IncidentAlertView(a.Title, a.Text, Foundation.Clock.FromMicroseconds(a.StartsAt), a.EndedAt, a.Labels, a.Source))],
        [.. i.Timeline.Select(t => new TimelineView(t.At, t.Kind, t.Actor, t.Text))], [.. i.ActionItems.Select(a => new ActionItemView(a.Text, a.Role, a.Due))], await NotificationsAsync(i, ct));

    /// <summary>Whoever resolved it in time responded in time; null while there is time left.</summary>
    private bool? Met(Incident i, DateTimeOffset deadline) => (i.AcknowledgedAt ?? i.ResolvedAt) is { } responded ? responded <= deadline : time.GetUtcNow() > deadline ? false : null;

    private async Task<IReadOnlyList<NotificationView>?> NotificationsAsync(Incident i, CancellationToken ct)
    {
        if (state.Away) return null;
        try
        {
            return [.. (await outbox.ListAsync([i.Id], ct)).Select(r => new NotificationView(r.Step, r.Role, r.Channel, r.State, r.Tries, r.SentAt, r.Detail))];
        }
        catch (Exception e) when (IncidentDesk.Lost(e))
        {
            return null;
        }
    }
}
