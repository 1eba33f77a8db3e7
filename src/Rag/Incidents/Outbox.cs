using Dapper;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Incidents;

/// <summary>A message that this replica has claimed.</summary>
/// <param name="Tries">How often it was tried, this time included.</param>
internal sealed record ClaimedNotification(string Key, string IncidentId, int Round, string Step, string Role, string Channel, DateTimeOffset? Deadline, int Tries);

/// <summary>A message as people see it.</summary>
/// <param name="State">due, sent or failed.</param>
internal sealed record NotificationRow(string IncidentId, int Round, string Step, string Role, string Channel, string State, int Tries, DateTimeOffset? SentAt, string? Detail);

/// <summary>
/// Messages that wait to be sent, in the record. Whoever sends one claims it first, for longer than sending may take; a message
/// whose sender died goes to another when the lease is over. Any replica sends.
/// </summary>
internal sealed class Outbox(Database database, TimeProvider time)
{
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(60);

    /// <summary>From one try to the next; about an hour in all.</summary>
    private static readonly int[] BackoffSeconds = [5, 15, 60, 180, 480, 900, 1_500];

    public static int MaxTries => BackoffSeconds.Length + 1;

    private readonly string _me = Ids.New(time);

    /// <summary>A look that writes nothing: most of the time there is nothing.</summary>
    public async Task<bool> AnyDueAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.ExecuteScalarAsync<long?>(new CommandDefinition(
            "SELECT 1 FROM incident_notifications WHERE state = 'due' AND due_at <= @now AND lease_until < @now LIMIT 1", new { now = time.Microseconds() }, cancellationToken: ct)) is not null;
    }

    public Task<IReadOnlyList<ClaimedNotification>> ClaimAsync(int limit, CancellationToken ct) => database.WriteAsync<IReadOnlyList<ClaimedNotification>>(async tx =>
    {
        long now = time.Microseconds();
        var rows = await tx.Connection!.QueryAsync<(string Key, string IncidentId, long Round, string Step, string Role, string Channel, long? Deadline, long Tries)>(
            """
            UPDATE incident_notifications SET lease_until = @until, claimed_by = @_me, tries = tries + 1
            WHERE state = 'due' AND due_at <= @now AND lease_until < @now
              AND id IN (SELECT id FROM incident_notifications WHERE state = 'due' AND due_at <= @now AND lease_until < @now ORDER BY due_at, id LIMIT @limit)
            RETURNING id, incident_id, round, step, role, channel, deadline, tries
            """, new { now, until = now + (long)Lease.TotalMicroseconds, _me, limit }, tx);
        return [.. rows.Select(r => new ClaimedNotification(r.Key, r.IncidentId, (int)r.Round, r.Step, r.Role, r.Channel, r.Deadline is { } at ? Clock.FromMicroseconds(at) : null, (int)r.Tries))];
    }, ct);

    public static TimeSpan? Backoff(int tries) => tries > BackoffSeconds.Length ? null : TimeSpan.FromSeconds(BackoffSeconds[Math.Max(0, tries - 1)]);

    /// <summary>Marks what became of it, and says so in the incident's timeline.</summary>
    public Task EndAsync(ClaimedNotification n, bool sent, string detail, CancellationToken ct) => database.WriteAsync(async tx =>
    {
        await tx.Connection!.ExecuteAsync(
            "UPDATE incident_notifications SET state = @state, sent_at = @now, detail = @detail, lease_until = 0 WHERE id = @Key AND state = 'due'",
            new { n.Key, state = sent ? SentMark.Sent : SentMark.Failed, now = time.Microseconds(), detail }, tx);
        await IncidentRecord.InsertAsync(tx, [Told(n.Key, n.IncidentId, time.GetUtcNow(), n.Step, n.Role, n.Channel, sent, detail)]);
    }, ct);

    /// <summary>Gives it back, to be tried again.</summary>
    public Task PostponeAsync(ClaimedNotification n, TimeSpan wait, string detail, CancellationToken ct) => database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
        "UPDATE incident_notifications SET lease_until = 0, due_at = @due, detail = @detail WHERE id = @Key AND claimed_by = @_me AND state = 'due'",
        new { n.Key, _me, due = Clock.ToMicroseconds(time.GetUtcNow() + wait), detail }, tx), ct);

    public async Task<IReadOnlyList<NotificationRow>> ListAsync(IReadOnlyList<string> incidents, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = new List<NotificationRow>();
        foreach (var piece in InList.Pieces(incidents))
            rows.AddRange((await connection.QueryAsync<(string IncidentId, long Round, string Step, string Role, string Channel, string State, long Tries, long? SentAt, string? Detail)>(new CommandDefinition(
                $"SELECT incident_id, round, step, role, channel, state, tries, sent_at, detail FROM incident_notifications WHERE incident_id IN {InList.Sql} ORDER BY due_at, id LIMIT 1000", piece, cancellationToken: ct)))
                .Select(r => new NotificationRow(r.IncidentId, (int)r.Round, r.Step, r.Role, r.Channel, r.State, (int)r.Tries, r.SentAt is { } at ? Clock.FromMicroseconds(at) : null, r.Detail)));
        return rows;
    }

    public static IncidentEvent Told(string key, string incidentId, DateTimeOffset at, string step, string role, string channel, bool sent, string detail) => new(
        IncidentIds.Of("told", key, sent ? SentMark.Sent : SentMark.Failed), incidentId, at, sent ? IncidentKind.Notified : IncidentKind.NotifyFailed, Actors.Product, new(Text: detail, Role: role, Channel: channel, Step: step));
}
