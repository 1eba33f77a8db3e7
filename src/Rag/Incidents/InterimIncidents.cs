using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Incidents;

/// <summary>
/// Incidents while the record is away: what was open when it was seen last, and what happened since, which is on this
/// replica's disk and, where there is Redis, shared with the others. When the record is back everything is written into it.
/// </summary>
internal sealed class InterimIncidents(IncidentSpool spool, SharedSpool shared, OpenIncidents open, Escalation escalation, TimeProvider time)
{
    /// <summary>How long a message may be on its way: until then nobody takes for unsent what nobody said was sent.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private Dictionary<string, SpoolLine> _lines = [];
    private IReadOnlyList<SpoolLine> _shared = [];

    /// <summary>Takes alerts in; says which incidents they changed.</summary>
    public Task<IReadOnlyList<Incident>> TakeAsync(IReadOnlyList<Alert> alerts, CancellationToken ct) => ChangeAsync(view =>
    {
        var added = new List<IncidentEvent>();
        foreach (var group in alerts.GroupBy(a => a.Key))
        {
            var ours = view.Values.Where(i => i.Key == group.Key).ToList();
            var known = ours.SelectMany(i => i.Alerts.Select(a => (a.Firing, i.Id))).DistinctBy(f => f.Firing).ToDictionary(f => f.Firing, f => f.Id);
            var spans = ours.Select(i => new IncidentSpan(i.Id, i.StartedAt, i.ResolvedAt, i.Events.Count));
            added.AddRange(AlertIntake.Assign(group, known, spans).SelectMany(a => AlertIntake.Events(a.Alert, a.IncidentId, time.GetUtcNow())));
        }
        return added;
    }, ct);

    public async Task<Incident> OpenAsync(IncidentEvent opened, CancellationToken ct)
    {
        await ChangeAsync(_ => [opened], ct);
        return (await FindAsync(opened.IncidentId, ct)).Single();
    }

    /// <exception cref="RagException">NotFound: this replica does not know of it.</exception>
    public async Task<Incident> ChangeAsync(string id, Func<Incident, IReadOnlyList<IncidentEvent>> events, CancellationToken ct)
    {
        await ChangeAsync(view => events(view.GetValueOrDefault(id) ?? throw IncidentRecord.NotFound(IncidentIds.Short(id))), ct);
        return (await FindAsync(id, ct)).Single();
    }

    /// <summary>What is known now: what was open when the record was seen last, and what happened since.</summary>
    public async Task<IReadOnlyList<Incident>> ListAsync(CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            await ReadAsync();
            return [.. View().Values.OrderBy(i => i.Open ? 0 : 1).ThenByDescending(i => i.OpenedAt)];
        }
        finally
        {
            _gate.Release();
        }
    }

    public async Task<IReadOnlyList<Incident>> FindAsync(string prefix, CancellationToken ct) => [.. (await ListAsync(ct)).Where(i => i.Id.StartsWith(prefix, StringComparison.Ordinal))];

    /// <summary>Whether something waits for the record.</summary>
    public async Task<bool> AnyAsync(CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            await ReadAsync();
            return _lines.Count > 0;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Goes up the ladder where that is due; gives the incidents that somebody may have to be told of.</summary>
    public async Task<IReadOnlyList<Incident>> EscalateAsync(CancellationToken ct)
    {
        if ((await ListAsync(ct)).Any(i => escalation.Steps(i, time.GetUtcNow()).Count > 0))
            await ChangeAsync(view => [.. view.Values.SelectMany(i => escalation.Steps(i, time.GetUtcNow()))], ct);
        var incidents = await ListAsync(ct);
        var changed = _lines.Values.Select(l => l.IncidentId).ToHashSet();
        return [.. incidents.Where(i => i.Open || changed.Contains(i.Id))];
    }

    /// <summary>Whether the message is known to be sent or given up, or may be on its way.</summary>
    public async Task<bool> DealtWithAsync(string key, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            if (_lines.ContainsKey("sent/" + key)) return true;
            if (!open.Last.Notifications.TryGetValue(key, out var row)) return false;
            // Whoever had claimed it when the record went away may just be sending it.
            return row.State != "due" || time.GetUtcNow() < open.Last.At + Outbox.Lease;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Notes what was sent; with the event for the timeline.</summary>
    public async Task MarkAsync(SentMark mark, CancellationToken ct)
    {
        var told = Outbox.Told(mark.Key, mark.IncidentId, mark.At, mark.Step, mark.Role, mark.Channel, mark.State == SentMark.Sent, mark.Detail);
        await _gate.WaitAsync(ct);
        try
        {
            await AppendAsync([new(Sent: mark), new(Event: told)]);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Writes everything into the record, and forgets it here. Done twice, or by several replicas, it is done once.</summary>
    public async Task ReplayAsync(IncidentRecord record, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            await ReadAsync();
            foreach (var incident in _lines.Values.GroupBy(l => l.IncidentId).OrderBy(g => g.Key, StringComparer.Ordinal).ToList())
            {
                await record.ReplayAsync(incident.Key, [.. incident.Where(l => l.Event is not null).Select(l => (l.Event!, l.By))], [.. incident.Select(l => l.Sent).OfType<SentMark>()], Grace, ct);
                await shared.RemoveAsync(_shared.Where(l => l.IncidentId == incident.Key));
                spool.Remove([.. incident.Select(l => l.Id)]);
            }
            await ReadAsync();
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<IReadOnlyList<Incident>> ChangeAsync(Func<IReadOnlyDictionary<string, Incident>, IReadOnlyList<IncidentEvent>> events, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            return await shared.InTurnAsync<IReadOnlyList<Incident>>(async () =>
            {
                await ReadAsync();
                var before = View();
                var known = before.Values.SelectMany(i => i.Events.Select(e => e.Id)).ToHashSet();
                var added = events(before).Where(e => known.Add(e.Id)).ToList();
                await AppendAsync([.. added.Select(e => new SpoolLine(Event: e, By: e.Actor == Actors.Operator ? Actor.Current : null))]);
                var ids = added.Select(e => e.IncidentId).ToHashSet();
                return [.. View().Values.Where(i => ids.Contains(i.Id))];
            }, ct);
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task ReadAsync()
    {
        _shared = await shared.ReadAsync();
        var lines = spool.Lines.ToDictionary(l => l.Id);
        foreach (var line in _shared) lines.TryAdd(line.Id, line);
        _lines = lines;
    }

    /// <summary>On disk first: what Redis has alone is lost with Redis.</summary>
    private async Task AppendAsync(IReadOnlyList<SpoolLine> lines)
    {
        spool.Append(lines);
        await shared.AppendAsync(lines);
        foreach (var line in lines) _lines.TryAdd(line.Id, line);
    }

    private Dictionary<string, Incident> View()
    {
        var view = open.Last.Incidents.ToDictionary(i => i.Key, i => i.Value);
        foreach (var incident in _lines.Values.Select(l => l.Event).OfType<IncidentEvent>().GroupBy(e => e.IncidentId))
        {
            var events = view.TryGetValue(incident.Key, out var seen) ? seen.Events.Concat(incident) : incident;
            var folded = Incident.Fold(events);
            // Of an incident whose beginning only the record knows there is not enough to go by.
            if (folded.Round > 0) view[incident.Key] = folded;
        }
        return view;
    }
}
