using Rag.Audit;

namespace Rag.Incidents;

/// <summary>A message that was sent, or given up, while the record was away.</summary>
/// <param name="State"><see cref="Sent"/> or <see cref="Failed"/>.</param>
internal sealed record SentMark(string IncidentId, int Round, string Step, string Role, string Channel, string State, DateTimeOffset At, string Detail)
{
    public const string Sent = "sent", Failed = "failed";

    public string Key => new PlannedNotification(Round, Step, Role, null).Key(IncidentId, Channel);
}

/// <summary>What waits for the record: an event, or a message that was sent.</summary>
/// <param name="By">Who did it, where somebody did: goes to the audit record with the event.</param>
internal sealed record SpoolLine(IncidentEvent? Event = null, SentMark? Sent = null, Actor? By = null)
{
    public string Id => Event?.Id ?? "sent/" + Sent!.Key;

    public string IncidentId => Event?.IncidentId ?? Sent!.IncidentId;
}
