using System.Globalization;
using Rag.Foundation;

namespace Rag.Incidents;

/// <summary>A message that an incident asks for.</summary>
/// <param name="Step">opened, escalated or resolved.</param>
/// <param name="Deadline">When somebody has to have acknowledged; null where it is over.</param>
internal sealed record PlannedNotification(int Round, string Step, string Role, DateTimeOffset? Deadline)
{
    /// <summary>One for incident, opening, step, role and channel: the same wherever it is worked out.</summary>
    public string Key(string incidentId, string channel) => string.Create(CultureInfo.InvariantCulture, $"{incidentId}/{Round}/{Step}/{Role}/{channel}");
}

/// <summary>Who has to respond by when, who is told next, and of what everybody is told. Pure but for its configuration.</summary>
internal sealed class Escalation(IncidentsOptions options)
{
    private readonly BusinessCalendar _calendar = options.Calendar();

    /// <summary>When the first who was told has to have acknowledged.</summary>
    public DateTimeOffset Deadline(Incident incident) => Due(incident, 1);

    /// <summary>When the incident goes to its next rung; null where nobody is left, it is acknowledged, or over.</summary>
    public DateTimeOffset? NextDue(Incident incident) =>
        incident is { Open: true, AcknowledgedAt: null } && incident.Level + 1 < options.Escalation.Ladder(incident.Severity).Count ? Due(incident, incident.Level + 1) : null;

    /// <summary>The steps that are due by now. Whoever works them out gives them the same ids.</summary>
    public IReadOnlyList<IncidentEvent> Steps(Incident incident, DateTimeOffset now)
    {
        var steps = new List<IncidentEvent>();
        if (incident is not { Open: true, AcknowledgedAt: null }) return steps;
        var ladder = options.Escalation.Ladder(incident.Severity);
        for (int level = incident.Level + 1; level < ladder.Count && Due(incident, level) <= now; level++)
        {
            string id = IncidentIds.Of("escalated", incident.Id, incident.Round.ToString(CultureInfo.InvariantCulture), level.ToString(CultureInfo.InvariantCulture));
            var at = now > incident.LastAt ? now : incident.LastAt + TimeSpan.FromMicroseconds(1);
            steps.Add(new(id, incident.Id, at, IncidentKind.Escalated, Actors.Product, new(Role: string.Join('+', ladder[level]), Round: incident.Round, Level: level)));
        }
        return steps;
    }

    /// <summary>Everything that has to be said of the incident's present opening, said already or not.</summary>
    public IReadOnlyList<PlannedNotification> Plan(Incident incident)
    {
        if (incident.Round == 0) return [];
        var ladder = options.Escalation.Ladder(incident.Severity);
        var first = incident.GivenTo is { } role ? ladder[0].Append(role).Distinct() : ladder[0];
        var plan = first.Select(told => new PlannedNotification(incident.Round, Step.Opened, told, Deadline(incident))).ToList();
        for (int level = 1; level <= incident.Level && level < ladder.Count; level++)
            plan.AddRange(ladder[level].Select(told => new PlannedNotification(incident.Round, Step.Escalated, told, Due(incident, level + 1))));
        if (!incident.Open) plan.AddRange(plan.Select(p => p.Role).Distinct().ToList().Select(told => new PlannedNotification(incident.Round, Step.Resolved, told, null)));
        return plan;
    }

    /// <summary>Each rung has the time to respond for itself.</summary>
    private DateTimeOffset Due(Incident incident, int level)
    {
        var due = incident.RespondFrom;
        for (int i = 0; i < level; i++) due = Deadlines.Respond(incident.Severity, due, _calendar);
        return due;
    }
}

internal static class Step
{
    public const string Opened = "opened", Escalated = "escalated", Resolved = "resolved", Test = "test";
}

internal static class Actors
{
    public const string Alertmanager = "alertmanager", Product = "rag-system", Operator = "operator";
}
