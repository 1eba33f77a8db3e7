using Rag.Incidents;
using Rag.Maintenance.Schedules;
using Rag.Slo;
using Rag.Slo.Export;

namespace Rag.App.Pages;

/// <summary>Something that is wrong, and what comes next.</summary>
/// <param name="Now">Whether somebody gets up for it; the rest waits for the day.</param>
/// <param name="Url">Where it is seen to.</param>
/// <param name="By">When somebody must have seen to it; null where no time is set.</param>
public sealed record Trouble(bool Now, string What, string Next, string Url, DateTimeOffset? By = null);

/// <summary>
/// What is wrong, as far as it can be told from how things stand: what somebody gets up for first. The bounds are those of the alerts, which
/// page and make tickets of the same things.
/// </summary>
internal static class Troubles
{
    private const string Runbook = "/runbook/";

    public static IReadOnlyList<Trouble> Of(OperateModel m) =>
        [.. Incidents(m).Concat(Dependencies(m)).Concat(Index(m)).Concat(Replicas(m)).Concat(Objectives(m)).Concat(Care(m)).OrderBy(t => t.Now ? 0 : 1)];

    /// <summary>P0 to P2 run around the clock; P3 has until the end of the next business day. Whoever acknowledged has it.</summary>
    private static IEnumerable<Trouble> Incidents(OperateModel m) => m.Incidents.Select(i => i.State == "open"
        ? new Trouble(i.Severity != IncidentSeverity.P3 || i.Deadline < m.Now, $"{i.Severity} {i.Title}", "Acknowledge it", IncidentPages.Url(i.Id), i.Deadline)
        : new Trouble(false, $"{i.Severity} {i.Title}", $"{Capital(Role(i.Assignee))} has it.", IncidentPages.Url(i.Id)));

    private static IEnumerable<Trouble> Dependencies(OperateModel m) => m.Dependencies.Where(d => !d.Up).Select(d =>
    {
        var (words, section) = d.Name switch
        {
            "database" => ("The database", Section(ServiceAlerts.DatabaseDown)), "redis" => ("Redis", "redisdown"), "embeddings" => ("The embedding model", "embeddingsdown"), _ => ("The language model", "languagemodeldown"),
        };
        return new Trouble(d.Name == "database", $"{words} is down", d.Means, Runbook + section);
    });

    private static IEnumerable<Trouble> Index(OperateModel m)
    {
        // Without the record nothing follows it, which is said already.
        if (m.Away is not null) yield break;
        if (m.IndexTrouble is { } trouble) yield return new(true, "The index of this replica does not go on", trouble, Runbook + Section(ServiceAlerts.ChangeLogStuck));
        else if (m.IndexLagSeconds > ServiceAlerts.MaxIndexLagSeconds)
            yield return new(false, "The index of this replica is behind", $"What was written {Figures.Length(TimeSpan.FromSeconds(m.IndexLagSeconds))} ago cannot be found on it yet.", Runbook + Section(ServiceAlerts.IndexLag));
    }

    private static IEnumerable<Trouble> Replicas(OperateModel m)
    {
        if (m is not { Away: null, Record.Replicas: { Count: > 0 } replicas }) yield break;
        // One that was started again under its name is back.
        foreach (var r in replicas.Where(r => !r.Up && !replicas.Any(o => o.Up && o.Name == r.Name)))
            yield return new(false, $"Replica {r.Name} is gone", $"It was last seen {Figures.Length(m.Now - r.SeenAt)} ago.", Runbook + Section(ServiceAlerts.ReplicaDown));
        if (replicas.Any(r => r.Up) && !replicas.Any(r => r.Up && r.Leads))
            yield return new(false, "No replica leads", "Backups, retention and other scheduled work wait.", Runbook + "noleader");
    }

    /// <summary>What burns so fast that somebody gets up for it is an incident already.</summary>
    private static IEnumerable<Trouble> Objectives(OperateModel m)
    {
        if (m is not { Away: null, Record.Slo: { } slo }) yield break;
        foreach (var o in slo.Objectives.Where(o => o.Holds == false && o.Total >= Checklist.MinEvents))
            yield return new(false, $"{o.Title} {o.Promise} is not held", $"{SloReport.Percent(o.Attained!.Value, o.Target)} over {slo.WindowDays} days. See what burns the budget.", $"{OperateEndpoints.Objectives}#objective-{o.Name}");
    }

    private static IEnumerable<Trouble> Care(OperateModel m)
    {
        foreach (var c in m.Certificates.Where(c => c.Until < m.Now.AddDays(CareAlerts.CertificateSoonDays)))
            yield return new(
                c.Until < m.Now.AddDays(CareAlerts.CertificateNowDays), $"The certificate of {c.Name} {(c.Until <= m.Now ? "has ended" : $"ends in {Figures.Length(c.Until - m.Now)}")}", "Renew it.", "/security#certificates");
        if (m.ReadOnly is { } period && m.Now - period.Since > TimeSpan.FromHours(CareAlerts.MaxReadOnlyHours))
            yield return new(false, $"Writes have been refused for {Figures.Length(m.Now - period.Since)}", $"Ask {period.Owner}, or take writes again.", "/operate/maintenance");
        foreach (var trouble in Backups(m)) yield return trouble;
        if (m.AuditTrouble is { } unsigned) yield return new(false, "The audit record is not signed", unsigned, Runbook + "auditcheckpointtooold");
        if (m is not { Away: null, Record: { } record }) yield break;
        if (m.AuditTrouble is null && record.Audit.UncoveredSince is { } since && m.Now - since > TimeSpan.FromSeconds(CareAlerts.MaxUncoveredSeconds))
            yield return new(false, $"The audit record has had no checkpoint outside for {Figures.Length(m.Now - since)}", "What was written since could be changed unnoticed.", Runbook + "auditcheckpointtooold");
        if (record.Drill is { Passed: false } drill) yield return new(false, "The last drill failed", drill.Problem ?? "See what was found.", $"/operate/backups/drills/{Uri.EscapeDataString(drill.Id)}");
        foreach (var s in record.Schedules.Where(s => s.Last?.Outcome is ScheduleRunView.Failed or ScheduleRunView.Interrupted))
            yield return new(false, $"The schedule {s.Name} {(s.Last!.Outcome == ScheduleRunView.Failed ? "failed" : "was interrupted")}", s.Last.Detail ?? "Run it again.", "/operate/schedules");
    }

    private static IEnumerable<Trouble> Backups(OperateModel m)
    {
        var late = CareAlerts.Backups.Select(b => m.Backups.FirstOrDefault(a => a.Kind == b.Kind) is { } ages && !(m.Now - ages.Made < TimeSpan.FromHours(b.MaxAgeHours)) ? ages : null).OfType<BackupAges>().ToList();
        if (late.Count > 0) yield return new(false, $"Backups are overdue: {string.Join(", ", late.Select(b => Age(b.Kind, b.Made)))}", "Back up now.", "/operate/backups");
        var unproven = m.Backups.Where(b => b.Made is not null && !(m.Now - b.Proven < TimeSpan.FromDays(CareAlerts.VerifiedWithinDays))).ToList();
        if (unproven.Count > 0) yield return new(false, $"Backups are not proven: {string.Join(", ", unproven.Select(b => Age(b.Kind, b.Proven)))}", "Read one back, or drill it.", "/operate/backups");

        string Age(string kind, DateTimeOffset? at) => at is { } then ? $"{kind} {Figures.Length(m.Now - then)} ago" : $"{kind} never";
    }

    /// <summary>A heading of the runbook's chapter on alerts is the alert's name.</summary>
    private static string Section(string alert) => alert.ToLowerInvariant();

    public static string Role(string? role) => role?.Replace('-', ' ') ?? "nobody";

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
