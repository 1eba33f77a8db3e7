using System.Data.Common;
using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Incidents;

/// <summary>
/// Incidents in the record. Whoever changes one holds the row of its key meanwhile, so that replicas decide one after the
/// other; what changed, what is made of it and who is to be told are one transaction.
/// </summary>
internal sealed class IncidentRecord(Database database, Escalation escalation, Recipients recipients, AuditTrail audit, TimeProvider time)
{
    private const int MaxSpans = 50, MaxOpen = 500;

    /// <summary>Takes alerts in; says which incidents they changed.</summary>
    public async Task<IReadOnlyList<Incident>> TakeAsync(IReadOnlyList<Alert> alerts, CancellationToken ct)
    {
        var changed = new List<Incident>();
        foreach (var group in alerts.GroupBy(a => a.Key).OrderBy(g => g.Key, StringComparer.Ordinal))
            changed.AddRange(await database.WriteAsync(tx => TakeAsync(tx, group.Key, [.. group]), ct));
        return changed;
    }

    public Task<Incident> OpenAsync(IncidentEvent opened, CancellationToken ct) => database.WriteAsync(async tx =>
    {
        await LockAsync(tx, opened.Data.Key!);
        await InsertAsync(tx, [opened]);
        await RecordAsync(tx, [(opened, Actor.Current)]);
        return await RefoldAsync(tx, opened.IncidentId, TimeSpan.Zero);
    }, ct);

    /// <summary>Adds what <paramref name="events"/> makes of the incident as it is; nothing where that is nothing.</summary>
    public Task<Incident> ChangeAsync(string id, Func<Incident, IReadOnlyList<IncidentEvent>> events, CancellationToken ct) => database.WriteAsync(async tx =>
    {
        string key = await tx.Connection!.ExecuteScalarAsync<string?>("SELECT alert_key FROM incidents WHERE id = @id", new { id }, tx) ?? throw NotFound(id);
        await LockAsync(tx, key);
        var incident = await LoadAsync(tx.Connection!, tx, id);
        var added = events(incident);
        if (added.Count == 0 || await InsertAsync(tx, added) == 0) return incident;
        await RecordAsync(tx, [.. added.Select(e => (e, (Actor?)Actor.Current))]);
        return await RefoldAsync(tx, id, TimeSpan.Zero);
    }, ct);

    /// <summary>Writes what happened while the record was away: the same events again change nothing.</summary>
    /// <param name="told">Events, with who did what somebody did.</param>
    /// <param name="sent">Messages that were sent meanwhile; they are not sent again.</param>
    /// <param name="grace">How long others have to say that they sent what nobody said was sent.</param>
    public Task<string> ReplayAsync(string interimId, IReadOnlyList<(IncidentEvent Event, Actor? By)> told, IReadOnlyList<SentMark> sent, TimeSpan grace, CancellationToken ct) => database.WriteAsync(async tx =>
    {
        var events = told.Select(t => t.Event).ToList();
        await RecordAsync(tx, told);
        string? id = await tx.Connection!.ExecuteScalarAsync<string?>(
            "SELECT id FROM incidents WHERE id = @interimId UNION SELECT incident_id FROM incident_aliases WHERE id = @interimId LIMIT 1", new { interimId }, tx);
        string? key = id is null
            ? events.FirstOrDefault(e => e.Kind == IncidentKind.Opened)?.Data.Key
            : await tx.Connection!.ExecuteScalarAsync<string?>("SELECT alert_key FROM incidents WHERE id = @id", new { id }, tx);
        // What belongs to an incident that the record does not have was lost with a record that went back.
        if (key is null) return "";
        await LockAsync(tx, key);
        if (id is null)
        {
            var alerts = Alerts(key, events);
            id = interimId;
            if (alerts.Count > 0)
            {
                var known = await KnownAsync(tx, alerts);
                id = alerts.Select(a => known.GetValueOrDefault(AlertIntake.Firing(a))).FirstOrDefault(k => k is not null) ?? AlertIntake.Choose(alerts[0], await SpansAsync(tx, key)) ?? interimId;
            }
            // People were told of it under this id.
            if (id != interimId) await tx.Connection!.ExecuteAsync("INSERT INTO incident_aliases (id, incident_id) VALUES (@interimId, @id) ON CONFLICT (id) DO NOTHING", new { interimId, id }, tx);
        }
        await InsertAsync(tx, [.. events.Select(e => e with { IncidentId = id })]);
        foreach (var e in events.Where(e => e.Kind == IncidentKind.AlertFired)) await InsertFiringAsync(tx, e.Data.Fingerprint!, e.Data.StartsAt!.Value, id);
        foreach (var mark in sent) await InsertSentAsync(tx, id, mark);
        await RefoldAsync(tx, id, grace);
        return id;
    }, ct);

    /// <summary>Incidents whose next rung is due.</summary>
    public async Task<IReadOnlyList<string>> DueAsync(DateTimeOffset now, int limit, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<string>(new CommandDefinition(
            "SELECT id FROM incidents WHERE state <> 'resolved' AND escalate_at <= @now ORDER BY escalate_at LIMIT @limit", new { now = Clock.ToMicroseconds(now), limit }, cancellationToken: ct))).AsList();
    }

    /// <summary>Open ones first, newest first.</summary>
    public async Task<IReadOnlyList<Incident>> ListAsync(bool all, int limit, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var ids = (await connection.QueryAsync<string>(new CommandDefinition(
            $"SELECT id FROM incidents {(all ? "" : "WHERE state <> 'resolved'")} ORDER BY CASE WHEN state = 'resolved' THEN 1 ELSE 0 END, opened_at DESC, id LIMIT @limit", new { limit }, cancellationToken: ct))).AsList();
        return await LoadAsync(connection, ids, ct);
    }

    /// <summary>Id and version of those that are open or were resolved after a time, to tell whether they changed.</summary>
    public async Task<IReadOnlyList<(string Id, long Version)>> RecentVersionsAsync(DateTimeOffset resolvedAfter, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<(string, long)>(new CommandDefinition(
            "SELECT id, version FROM incidents WHERE state <> 'resolved' OR resolved_at > @after ORDER BY opened_at DESC LIMIT @MaxOpen", new { after = Clock.ToMicroseconds(resolvedAfter), MaxOpen }, cancellationToken: ct))).AsList();
    }

    public async Task<IReadOnlyList<Incident>> LoadAsync(IReadOnlyList<string> ids, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await LoadAsync(connection, ids, ct);
    }

    /// <summary>Ids that begin so; two at most.</summary>
    public async Task<IReadOnlyList<string>> FindAsync(string prefix, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<string>(new CommandDefinition(
            "SELECT id FROM incidents WHERE id LIKE @like UNION SELECT incident_id FROM incident_aliases WHERE id LIKE @like LIMIT 2", new { like = prefix + "%" }, cancellationToken: ct))).AsList();
    }

    public static RagException NotFound(string id) => new(ErrorKind.NotFound, $"There is no incident {id}.", "'rag incidents list --all' shows those that there are.");

    private async Task<IReadOnlyList<Incident>> TakeAsync(DbTransaction tx, string key, IReadOnlyList<Alert> alerts)
    {
        await LockAsync(tx, key);
        var assigned = AlertIntake.Assign(alerts, await KnownAsync(tx, alerts), await SpansAsync(tx, key));
        var changed = new List<Incident>();
        foreach (var incident in assigned.GroupBy(a => a.IncidentId))
        {
            foreach (var (alert, id) in incident) await InsertFiringAsync(tx, alert.Fingerprint, Clock.ToMicroseconds(alert.StartsAt), id);
            var events = incident.SelectMany(a => AlertIntake.Events(a.Alert, a.IncidentId, time.GetUtcNow())).ToList();
            if (await InsertAsync(tx, events) > 0) changed.Add(await RefoldAsync(tx, incident.Key, TimeSpan.Zero));
        }
        return changed;
    }

    /// <summary>What somebody did by hand; told twice it is recorded once, for the record's id follows from the event's.</summary>
    private Task RecordAsync(DbTransaction tx, IReadOnlyList<(IncidentEvent Event, Actor? By)> told) => told.Any(t => t.Event.Actor == Actors.Operator) ? audit.AppendManyAsync(tx, [.. told.Where(t => t.Event.Actor == Actors.Operator).Select(t =>
    {
        var (e, d) = (t.Event, t.Event.Data);
        var details = new Dictionary<string, string>();
        foreach (var (name, value) in new[] { ("title", d.Title), ("severity", d.Severity), ("role", d.Role), ("due", d.Due), ("text", d.Text) })
            if (!string.IsNullOrEmpty(value)) details[name] = value;
        return new AuditEntry(AuditEvent.Administrative("incident." + e.Kind, "incident:" + IncidentIds.Short(e.IncidentId), details), t.By ?? Actor.System, e.At, IncidentIds.Of("audit", e.Id));
    })]) : Task.CompletedTask;

    /// <summary>Nobody else works on incidents of this key until the transaction ends.</summary>
    private Task LockAsync(DbTransaction tx, string key) => tx.Connection!.ExecuteAsync(
        "INSERT INTO incident_keys (alert_key, touched_at) VALUES (@key, @now) ON CONFLICT (alert_key) DO UPDATE SET touched_at = excluded.touched_at", new { key, now = time.Microseconds() }, tx);

    private static async Task<Dictionary<string, string>> KnownAsync(DbTransaction tx, IReadOnlyList<Alert> alerts)
    {
        var known = new Dictionary<string, string>();
        foreach (var piece in InList.Pieces(alerts.Select(AlertIntake.Firing)))
            foreach (var (firing, id) in await tx.Connection!.QueryAsync<(string, string)>($"SELECT firing, incident_id FROM incident_alerts WHERE firing IN {InList.Sql}", piece, tx)) known[firing] = id;
        return known;
    }

    private static async Task<IReadOnlyList<IncidentSpan>> SpansAsync(DbTransaction tx, string key) =>
        [.. (await tx.Connection!.QueryAsync<(string Id, long Started, long? Resolved, long Events)>(
            "SELECT id, started_at, resolved_at, events FROM incidents WHERE alert_key = @key ORDER BY opened_at DESC LIMIT @MaxSpans", new { key, MaxSpans }, tx))
            .Select(r => new IncidentSpan(r.Id, Clock.FromMicroseconds(r.Started), r.Resolved is { } at ? Clock.FromMicroseconds(at) : null, r.Events))];

    private static Task InsertFiringAsync(DbTransaction tx, string fingerprint, long startsAt, string id) => tx.Connection!.ExecuteAsync(
        "INSERT INTO incident_alerts (firing, fingerprint, starts_at, incident_id) VALUES (@firing, @fingerprint, @startsAt, @id) ON CONFLICT (firing) DO NOTHING",
        new { firing = IncidentIds.Firing(fingerprint, startsAt), fingerprint, startsAt, id }, tx);

    /// <summary>How many of them are new.</summary>
    public static Task<int> InsertAsync(DbTransaction tx, IReadOnlyList<IncidentEvent> events) => tx.Connection!.ExecuteAsync(
        "INSERT INTO incident_events (id, incident_id, at, kind, actor, data) VALUES (@Id, @IncidentId, @at, @Kind, @Actor, @data) ON CONFLICT (id) DO NOTHING",
        events.Select(e => new { e.Id, e.IncidentId, at = Clock.ToMicroseconds(e.At), e.Kind, e.Actor, data = IncidentEventJson.Write(e.Data) }), tx);

    private async Task<Incident> RefoldAsync(DbTransaction tx, string id, TimeSpan grace)
    {
        var incident = await LoadAsync(tx.Connection!, tx, id);
        await tx.Connection!.ExecuteAsync(
            """
            INSERT INTO incidents (id, alert_key, title, severity, state, started_at, opened_at, resolved_at, escalate_at, events, version)
            VALUES (@Id, @Key, @Title, @Severity, @State, @started, @opened, @resolved, @escalate, @events, 1)
            ON CONFLICT (id) DO UPDATE SET title = excluded.title, severity = excluded.severity, state = excluded.state, started_at = excluded.started_at, opened_at = excluded.opened_at,
              resolved_at = excluded.resolved_at, escalate_at = excluded.escalate_at, events = excluded.events, version = incidents.version + 1
            """, new
            {
                incident.Id, incident.Key, incident.Title, incident.Severity, incident.State, started = Clock.ToMicroseconds(incident.StartedAt), opened = Clock.ToMicroseconds(incident.OpenedAt),
                resolved = Micro(incident.ResolvedAt), escalate = Micro(escalation.NextDue(incident)), events = (long)incident.Events.Count,
            }, tx);
        long due = Clock.ToMicroseconds(time.GetUtcNow() + grace);
        await tx.Connection!.ExecuteAsync(
            """
            INSERT INTO incident_notifications (id, incident_id, round, step, role, channel, deadline, state, tries, due_at, lease_until)
            VALUES (@key, @Id, @round, @Step, @Role, @channel, @deadline, 'due', 0, @due, 0) ON CONFLICT (id) DO NOTHING
            """, recipients.Of(incident).Select(n => new { key = n.Planned.Key(incident.Id, n.Channel), incident.Id, round = (long)n.Planned.Round, n.Planned.Step, n.Planned.Role, channel = n.Channel, deadline = Micro(n.Planned.Deadline), due }), tx);
        return incident;
    }

    private static Task InsertSentAsync(DbTransaction tx, string id, SentMark mark) => tx.Connection!.ExecuteAsync(
        """
        INSERT INTO incident_notifications (id, incident_id, round, step, role, channel, state, tries, due_at, lease_until, sent_at, detail)
        VALUES (@key, @id, @round, @Step, @Role, @Channel, @State, 1, @at, 0, @at, @Detail)
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, sent_at = excluded.sent_at, detail = excluded.detail WHERE incident_notifications.state = 'due'
        """, new { key = new PlannedNotification(mark.Round, mark.Step, mark.Role, null).Key(id, mark.Channel), id, round = (long)mark.Round, mark.Step, mark.Role, mark.Channel, mark.State, at = Clock.ToMicroseconds(mark.At), mark.Detail }, tx);

    private static async Task<Incident> LoadAsync(DbConnection connection, DbTransaction? tx, string id) => Incident.Fold((await connection.QueryAsync<EventRow>(
        "SELECT id, incident_id AS IncidentId, at, kind, actor, data FROM incident_events WHERE incident_id = @id", new { id }, tx)).Select(r => r.Event));

    private static async Task<IReadOnlyList<Incident>> LoadAsync(DbConnection connection, IReadOnlyList<string> ids, CancellationToken ct)
    {
        var events = new List<IncidentEvent>();
        foreach (var piece in InList.Pieces(ids))
            events.AddRange((await connection.QueryAsync<EventRow>(new CommandDefinition(
                $"SELECT id, incident_id AS IncidentId, at, kind, actor, data FROM incident_events WHERE incident_id IN {InList.Sql}", piece, cancellationToken: ct))).Select(r => r.Event));
        var byIncident = events.ToLookup(e => e.IncidentId);
        return [.. ids.Where(byIncident.Contains).Select(id => Incident.Fold(byIncident[id]))];
    }

    /// <summary>The firings that events speak of, as the alerts that they were.</summary>
    private static List<Alert> Alerts(string key, IReadOnlyList<IncidentEvent> events)
    {
        var ended = events.Where(e => e.Kind == IncidentKind.AlertResolved).ToDictionary(e => IncidentIds.Firing(e.Data.Fingerprint!, e.Data.StartsAt!.Value), e => e.At);
        return [.. events.Where(e => e.Kind == IncidentKind.AlertFired).OrderBy(e => e.At).Select(e => new Alert(
            key, e.Data.Fingerprint!, Clock.FromMicroseconds(e.Data.StartsAt!.Value), ended.TryGetValue(IncidentIds.Firing(e.Data.Fingerprint!, e.Data.StartsAt.Value), out var at) ? at : null,
            e.Data.Severity ?? IncidentSeverity.P2, e.Data.Title ?? "", e.Data.Text ?? "", e.Data.Labels ?? new Dictionary<string, string>(), e.Data.Source, e.Actor))];
    }

    private static long? Micro(DateTimeOffset? at) => at is { } there ? Clock.ToMicroseconds(there) : null;

    private sealed class EventRow
    {
        public string Id { get; set; } = "";
        public string IncidentId { get; set; } = "";
        public long At { get; set; }
        public string Kind { get; set; } = "";
        public string Actor { get; set; } = "";
        public string Data { get; set; } = "";

        public IncidentEvent Event => new(Id, IncidentId, Clock.FromMicroseconds(At), Kind, Actor, IncidentEventJson.Read(Data));
    }
}
