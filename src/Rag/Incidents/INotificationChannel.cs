namespace Rag.Incidents;

/// <summary>What a channel is asked to bring to a role.</summary>
/// <param name="Key">Unique for incident, step, role and channel: receivers that can deduplicate do so by it.</param>
/// <param name="Step">opened, escalated, resolved, test.</param>
/// <param name="Role">One of <c>on-call-engineer</c>, <c>devops-team</c>, <c>engineering-manager</c>.</param>
/// <param name="Severity">P0, P1, P2 or P3.</param>
/// <param name="Deadline">When somebody has to have acknowledged; absent where there is nothing to acknowledge.</param>
/// <param name="Link">Address of the incident's page, where the server knows its own.</param>
internal sealed record Notification(
    string Key,
    string Step,
    string Role,
    string IncidentId,
    string Severity,
    string Title,
    string Text,
    DateTimeOffset? Deadline,
    string? Link);

/// <param name="Retry">Whether trying again may help; looked at only where it was not sent.</param>
/// <param name="Detail">What the receiver answered, or why it was not sent; goes into the timeline, so it holds no secret.</param>
internal sealed record SendResult(bool Sent, bool Retry, string Detail);

/// <summary>
/// One way to reach a role. It does not throw for what the receiver does: that is a <see cref="SendResult"/>. What it throws
/// itself, such as for a secret that cannot be read, is tried again.
/// </summary>
internal interface INotificationChannel
{
    /// <summary>email, webhook, pagerduty, slack.</summary>
    string Name { get; }

    /// <summary>Whether this channel is configured for the role.</summary>
    bool Serves(string role);

    Task<SendResult> SendAsync(Notification notification, CancellationToken ct);
}
