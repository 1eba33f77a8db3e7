using System.Data.Common;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Incidents;

/// <summary>What people and alerts do to incidents: in the record, or in the interim state while that is away.</summary>
internal sealed class IncidentDesk(IncidentRecord record, InterimIncidents interim, Recipients recipients, RecordState state, TimeProvider time, ILogger<IncidentDesk> log)
{
    public const int MaxList = 200;

    private const int MaxTitle = 200, MaxText = 10_000, MaxActionItems = 100, MaxNotes = 1_000;

    /// <summary>Takes alerts in. Returns when they are on disk.</summary>
    public async Task<IReadOnlyList<Incident>> TakeAsync(IReadOnlyList<Alert> alerts, CancellationToken ct)
    {
        var changed = await EitherAsync(() => record.TakeAsync(alerts, ct), () => interim.TakeAsync(alerts, ct));
        foreach (var incident in changed) Heard(incident);
        return changed;
    }

    public async Task<Incident> OpenAsync(string? title, string? severity, string? description, CancellationToken ct)
    {
        string id = IncidentIds.Of("incident", Ids.New(time));
        var opened = new IncidentEvent(AlertIntake.OpenedId(id), id, Now(), IncidentKind.Opened, Actors.Operator,
            new(Key: "by-hand/" + id, Title: Text(title, MaxTitle, "title"), Severity: Severity(severity), Text: description is null ? "" : Text(description, MaxText, "description")));
        var incident = await EitherAsync(() => record.OpenAsync(opened, ct), () => interim.OpenAsync(opened, ct));
        Heard(incident);
        return incident;
    }

    /// <summary>Stops the escalation.</summary>
    public Task<Incident> AcknowledgeAsync(string name, string? role, string? text, CancellationToken ct) => ActAsync(name, (incident, make) => incident.Open
        ? incident.AcknowledgedAt is null ? [make(IncidentKind.Acknowledged, new(Role: Role(role ?? incident.Assignee ?? IncidentRole.OnCall), Text: Optional(text)))] : []
        : throw Over(incident), ct);

    public Task<Incident> AssignAsync(string name, string? role, string? text, CancellationToken ct) =>
        ActAsync(name, (incident, make) => [make(IncidentKind.Assigned, new(Role: Role(role), Text: Optional(text)))], ct);

    public Task<Incident> GradeAsync(string name, string? severity, string? text, CancellationToken ct) =>
        ActAsync(name, (incident, make) => incident.Severity == Severity(severity) ? [] : [make(IncidentKind.SeverityChanged, new(Severity: Severity(severity), Text: Optional(text)))], ct);

    public Task<Incident> NoteAsync(string name, string? text, CancellationToken ct) => ActAsync(name, (incident, make) => incident.Events.Count(e => e.Kind == IncidentKind.Note) < MaxNotes
        ? [make(IncidentKind.Note, new(Text: Text(text, MaxText, "text")))]
        : throw new RagException(ErrorKind.Conflict, $"{incident.Name} has {MaxNotes} notes already.", "Keep further notes in the postmortem."), ct);

    public Task<Incident> ActionItemAsync(string name, string? text, string? role, string? due, CancellationToken ct) => ActAsync(name, (incident, make) =>
    {
        if (incident.ActionItems.Count >= MaxActionItems) throw new RagException(ErrorKind.Conflict, $"{incident.Name} has {MaxActionItems} action items already.", "Keep further ones in your tracker.");
        if (!DateOnly.TryParseExact(due, "yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.None, out _))
            throw new RagException(ErrorKind.Invalid, $"'{due}' is not a day.", "Write the day by which it is to be done as yyyy-MM-dd.");
        return [make(IncidentKind.ActionItem, new(Text: Text(text, MaxTitle * 5, "text"), Role: Role(role), Due: due))];
    }, ct);

    /// <summary>Ends it. An alert of it that fires again, or that was not known of, opens it again.</summary>
    public Task<Incident> ResolveAsync(string name, string? text, CancellationToken ct) =>
        ActAsync(name, (incident, make) => incident.Open ? [make(IncidentKind.Resolved, new(Text: Optional(text), Covers: [.. incident.Firing.Select(a => a.Firing)]))] : [], ct);

    public Task<Incident> ReopenAsync(string name, string? text, CancellationToken ct) =>
        ActAsync(name, (incident, make) => incident.Open ? [] : [make(IncidentKind.Reopened, new(Text: Optional(text)))], ct);

    /// <summary>Open ones first, newest first; while the record is away, what is known without it.</summary>
    public async Task<IReadOnlyList<Incident>> ListAsync(bool all, int limit, CancellationToken ct)
    {
        if (limit is < 1 or > MaxList) throw new RagException(ErrorKind.Invalid, $"The limit {limit} is out of range.", $"Choose 1 to {MaxList}.");
        var recorded = await TryRecordAsync(() => record.ListAsync(all, limit, ct));
        if (recorded is not null && !await interim.AnyAsync(ct)) return recorded;
        var known = recorded?.ToDictionary(i => i.Id) ?? [];
        foreach (var incident in await interim.ListAsync(ct))
            if (all || incident.Open) known[incident.Id] = incident;
            else known.Remove(incident.Id);
        return [.. known.Values.OrderBy(i => i.Open ? 0 : 1).ThenByDescending(i => i.OpenedAt).Take(limit)];
    }

    /// <param name="name">As people write it: the beginning of its id.</param>
    /// <exception cref="RagException">NotFound, or Conflict where several begin so.</exception>
    public async Task<Incident> FindAsync(string name, CancellationToken ct)
    {
        string prefix = IncidentIds.ParsePrefix(name);
        var here = await interim.AnyAsync(ct) || state.Away ? await interim.FindAsync(prefix, ct) : [];
        if (here.Count == 0 && await TryRecordAsync(() => record.FindAsync(prefix, ct)) is { } ids)
            here = ids.Count > 1 ? throw Several(name) : await record.LoadAsync(ids, ct);
        return here.Count switch { 0 => throw IncidentRecord.NotFound(name), 1 => here[0], _ => throw Several(name) };
    }

    private async Task<Incident> ActAsync(string name, Func<Incident, Func<string, IncidentData, IncidentEvent>, IReadOnlyList<IncidentEvent>> act, CancellationToken ct)
    {
        string id = (await FindAsync(name, ct)).Id;
        // One id whichever way it goes: where the record was lost while it committed, it is written once all the same.
        string eventId = Ids.New(time);
        IReadOnlyList<IncidentEvent> Make(Incident incident) => act(incident, (kind, data) =>
        {
            // After everything that is known, whatever the clocks of those who told of it.
            var now = Now();
            var at = now > incident.LastAt ? now : incident.LastAt + TimeSpan.FromMicroseconds(1);
            return new(eventId, incident.Id, at, kind, Actors.Operator, data);
        });
        return await EitherAsync(() => record.ChangeAsync(id, Make, ct), () => interim.ChangeAsync(id, Make, ct));
    }

    private async Task<T> EitherAsync<T>(Func<Task<T>> inRecord, Func<Task<T>> meanwhile)
    {
        if (!state.Away)
        {
            try
            {
                return await inRecord();
            }
            catch (Exception e) when (Lost(e))
            {
                log.RecordAwayForIncidents(e.Message);
            }
        }
        return await meanwhile();
    }

    private async Task<T?> TryRecordAsync<T>(Func<Task<T>> read) where T : class
    {
        if (state.Away) return null;
        try
        {
            return await read();
        }
        catch (Exception e) when (Lost(e))
        {
            return null;
        }
    }

    /// <summary>The record cannot take or give it now; or it may have taken it, in which case telling it again changes nothing.</summary>
    public static bool Lost(Exception e) => e is RagException { Kind: ErrorKind.Unavailable or ErrorKind.StorageFull } or DbException;

    /// <summary>An incident that nobody hears of is the quietest failure of all.</summary>
    private void Heard(Incident incident)
    {
        if (incident.Open && recipients.Of(incident).Count == 0) log.NobodyIsTold(incident.Name, incident.Severity);
    }

    private DateTimeOffset Now() => Clock.FromMicroseconds(time.Microseconds());

    private static string Severity(string? severity) => IncidentSeverity.Knows(severity) ? severity! : throw new RagException(ErrorKind.Invalid, $"'{severity}' is not a severity.", $"Use one of {string.Join(", ", IncidentSeverity.All)}.");

    private static string Role(string? role) => role is not null && IncidentRole.All.Contains(role) ? role : throw new RagException(ErrorKind.Invalid, $"'{role}' is not a role.", $"Use one of {string.Join(", ", IncidentRole.All)}.");

    private static string? Optional(string? text) => string.IsNullOrWhiteSpace(text) ? null : Text(text, MaxText, "text");

    private static string Text(string? text, int max, string what) => string.IsNullOrWhiteSpace(text)
        ? throw new RagException(ErrorKind.Invalid, $"The {what} is missing.", $"Give a {what} of up to {max} characters.")
        : text.Length <= max && !text.Contains('\0') ? text.Trim() : throw new RagException(ErrorKind.Invalid, $"The {what} is longer than {max} characters, or holds what is no text.", "Shorten it.");

    private static RagException Over(Incident incident) => new(ErrorKind.Conflict, $"{incident.Name} is resolved.", $"Open it again with 'rag incidents reopen {incident.Name}' if it is not.");

    private static RagException Several(string name) => new(ErrorKind.Conflict, $"Several incidents begin with {name}.", "Write more of it.");
}
