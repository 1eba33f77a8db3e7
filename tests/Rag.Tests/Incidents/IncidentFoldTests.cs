using System.Text;
using CsCheck;
using Rag.Foundation;
using Rag.Incidents;

namespace Rag.Tests.Incidents;

public sealed class IncidentFoldTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 3, 12, 0, 0, TimeSpan.Zero);

    private static readonly Escalation Ladder = new(new IncidentsOptions());

    [Fact]
    public void An_incident_does_not_depend_on_the_order_in_which_its_events_came() => Gen.Int.Sample(seed =>
    {
        var random = new Random(seed);
        var alerts = Enumerable.Range(0, random.Next(1, 8)).Select(i => AlertOf(
            $"f{random.Next(3)}", Noon.AddMinutes(random.Next(60)), random.Next(3) == 0 ? null : random.Next(1, 30), random.Next(2) == 0 ? "P1" : "P2")).ToList();
        var events = alerts.SelectMany(a => AlertIntake.Events(a, "a", Noon)).ToList();
        events.Add(new("h1", "a", Noon.AddMinutes(random.Next(60)), IncidentKind.Acknowledged, Actors.Operator, new(Role: IncidentRole.OnCall)));
        events.Add(new("h2", "a", Noon.AddMinutes(random.Next(60)), IncidentKind.Resolved, Actors.Operator, new(Covers: [.. alerts.Take(2).Select(AlertIntake.Firing)])));
        var once = Incident.Fold(events.DistinctBy(e => e.Id));
        // The same events, shuffled and some of them twice. What came first of two with one id is kept, as the record keeps it.
        var shuffled = events.DistinctBy(e => e.Id).Concat(events.DistinctBy(e => e.Id)).OrderBy(_ => random.Next()).ToList();
        return Describe(Incident.Fold(shuffled)) == Describe(once);
    }, iter: 2_000);

    [Fact]
    public void An_incident_is_resolved_when_no_alert_of_it_fires_any_more()
    {
        var one = AlertOf("one", Noon, null);
        var two = AlertOf("two", Noon.AddMinutes(1), null);
        Fold(one, two, one with { EndedAt = Noon.AddMinutes(5) }).State.ShouldBe("open");
        var over = Fold(one, two, one with { EndedAt = Noon.AddMinutes(5) }, two with { EndedAt = Noon.AddMinutes(7) });
        (over.State, over.ResolvedAt, over.Round).ShouldBe(("resolved", Noon.AddMinutes(7), 1));
    }

    [Fact]
    public void That_an_alert_is_over_may_come_before_that_it_fires()
    {
        var ended = AlertOf("one", Noon, 5);
        var late = AlertIntake.Events(ended, "a", Noon.AddMinutes(6)).Concat(AlertIntake.Events(ended with { EndedAt = null }, "a", Noon.AddMinutes(7)));
        Incident.Fold(late).State.ShouldBe("resolved");
    }

    [Fact]
    public void What_fires_again_opens_it_again_with_a_time_to_respond_of_its_own()
    {
        var again = Fold(AlertOf("one", Noon, 5), AlertOf("one", Noon.AddMinutes(20), null));
        (again.State, again.Round, again.AcknowledgedAt).ShouldBe(("open", 2, null));
        again.Timeline.Select(t => t.Kind).ShouldContain(IncidentKind.Reopened);
    }

    [Fact]
    public void Whoever_resolves_it_ends_only_what_he_knew_of()
    {
        var known = AlertOf("one", Noon, null);
        var unknown = AlertOf("two", Noon.AddMinutes(1), null);
        var resolved = new IncidentEvent("h", "a", Noon.AddMinutes(10), IncidentKind.Resolved, Actors.Operator, new(Covers: [AlertIntake.Firing(known)]));
        Incident.Fold([.. Events(known), resolved]).State.ShouldBe("resolved");
        Incident.Fold([.. Events(known), resolved, .. Events(unknown)]).State.ShouldBe("open");
        // It goes on firing as it did: nothing new.
        Incident.Fold([.. Events(known), resolved, .. Events(known)]).State.ShouldBe("resolved");
    }

    [Fact]
    public void The_worst_alert_grades_it_until_somebody_does()
    {
        Fold(AlertOf("one", Noon, null, "P2"), AlertOf("two", Noon, null, "P0"), AlertOf("three", Noon, null, "P1")).Severity.ShouldBe("P0");
        var graded = new IncidentEvent("h", "a", Noon.AddMinutes(10), IncidentKind.SeverityChanged, Actors.Operator, new(Severity: "P3"));
        var incident = Incident.Fold([.. Events(AlertOf("one", Noon, null, "P0")), graded]);
        (incident.Severity, incident.RespondFrom).ShouldBe(("P3", Noon.AddMinutes(10)));
    }

    [Fact]
    public void The_ladder_is_climbed_rung_by_rung_until_somebody_acknowledges()
    {
        var incident = Fold(AlertOf("one", Noon, null, "P0"));
        Ladder.Deadline(incident).ShouldBe(Noon.AddMinutes(15));
        Ladder.Steps(incident, Noon.AddMinutes(14)).ShouldBeEmpty();
        var first = Ladder.Steps(incident, Noon.AddMinutes(15)).ShouldHaveSingleItem();
        (first.Data.Level, first.Data.Role).ShouldBe((1, IncidentRole.DevOps));
        // Nobody looked for an hour: both rungs are due, and the ids are the same whoever works them out.
        Ladder.Steps(incident, Noon.AddMinutes(60)).Select(s => s.Data.Role).ShouldBe([IncidentRole.DevOps, IncidentRole.Manager]);
        Ladder.Steps(incident, Noon.AddMinutes(60))[0].Id.ShouldBe(first.Id);
        var climbed = Incident.Fold([.. incident.Events, first]);
        Ladder.NextDue(climbed).ShouldBe(Noon.AddMinutes(30));
        Ladder.Plan(climbed).Select(p => (p.Step, p.Role)).ShouldBe([(Step.Opened, IncidentRole.OnCall), (Step.Escalated, IncidentRole.DevOps)]);
        var acknowledged = Incident.Fold([.. climbed.Events, new("h", "a", Noon.AddMinutes(20), IncidentKind.Acknowledged, Actors.Operator, new(Role: IncidentRole.DevOps))]);
        (Ladder.NextDue(acknowledged), Ladder.Steps(acknowledged, Noon.AddDays(1)).Count).ShouldBe((null, 0));
    }

    [Fact]
    public void Alerts_of_a_name_find_their_incident()
    {
        var spans = new[] { new IncidentSpan("old", Noon.AddHours(-5), Noon.AddHours(-4), 3), new IncidentSpan("late", Noon, Noon.AddMinutes(10), 3) };
        AlertIntake.Choose(AlertOf("x", Noon.AddMinutes(69), null), spans).ShouldBe("late");
        AlertIntake.Choose(AlertOf("x", Noon.AddMinutes(71), null), spans).ShouldBeNull();
        AlertIntake.Choose(AlertOf("x", Noon.AddHours(-4).AddMinutes(-30), 10), spans).ShouldBe("old");
        AlertIntake.Choose(AlertOf("x", Noon.AddMinutes(5), null), [spans[1] with { Events = AlertIntake.MaxEvents }]).ShouldBeNull();
    }

    [Theory]
    [InlineData("DatabaseDown", "page", "P0")]
    [InlineData("AvailabilityBurnFast", "page", "P0")]
    [InlineData("LatencyBurnFast", "page", "P1")]
    [InlineData("IndexLag", "ticket", "P2")]
    [InlineData("HighErrorRate", "warning", "P2")]
    [InlineData("SlowResponseTime", "critical", "P2")]
    [InlineData("SomethingElse", "disaster", "P2")]
    [InlineData("SomethingElse", null, "P2")]
    public void Alerts_are_graded(string name, string? severity, string expected)
    {
        var labels = new Dictionary<string, string> { ["alertname"] = name };
        if (severity is not null) labels["severity"] = severity;
        AlertReader.Grade(name, labels).ShouldBe(expected);
        AlertReader.Grade(name, new Dictionary<string, string>(labels) { ["priority"] = "P3" }).ShouldBe("P3");
    }

    [Theory]
    [InlineData("", "not what Alertmanager posts")]
    [InlineData("[]", "not what Alertmanager posts")]
    [InlineData("{}", "version none")]
    [InlineData("""{"version":"3","alerts":[]}""", "version 3")]
    [InlineData("""{"version":"4"}""", "no alerts")]
    [InlineData("""{"version":"4","alerts":[null]}""", "nothing for alert 0")]
    [InlineData("""{"version":"4","alerts":[{"status":"firing","labels":{},"startsAt":"2026-03-03T12:00:00Z"}]}""", "no name for alert 0")]
    [InlineData("""{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"A"}}]}""", "since when A fires")]
    [InlineData("""{"version":"4","alerts":[{"status":"on","labels":{"alertname":"A"},"startsAt":"2026-03-03T12:00:00Z"}]}""", "neither firing nor resolved")]
    public void What_is_not_an_alert_is_refused_with_what_is_wrong(string json, string problem)
    {
        var e = Should.Throw<RagException>(() => AlertReader.Read(Encoding.UTF8.GetBytes(json)));
        (e.Kind, e.Message).ShouldBe((ErrorKind.Invalid, e.Message));
        e.Message.ShouldContain(problem);
    }

    private static Incident Fold(params Alert[] alerts) => Incident.Fold(alerts.SelectMany(Events));

    private static IEnumerable<IncidentEvent> Events(Alert alert) => AlertIntake.Events(alert, "a", Noon);

    private static Alert AlertOf(string fingerprint, DateTimeOffset starts, int? minutes, string severity = "P1") => new(
        "Key", fingerprint, starts, minutes is { } m ? starts.AddMinutes(m) : null, severity, "Title " + fingerprint, "", new Dictionary<string, string>(), null, Actors.Alertmanager);

    private static string Describe(Incident i) => string.Join('\n', (string[])
        [i.State, i.Severity, $"{i.Round} {i.Level} {i.OpenedAt:O} {i.StartedAt:O} {i.ResolvedAt:O} {i.AcknowledgedAt:O} {i.Assignee}", .. i.Alerts.Select(a => $"{a.Firing} {a.EndedAt:O}"), .. i.Timeline.Select(t => t.ToString())]);
}
