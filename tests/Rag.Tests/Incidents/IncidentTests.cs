using System.Text;
using Rag.Foundation;
using Rag.Incidents;
using Rag.Slo;
using Rag.Testing;

namespace Rag.Tests.Incidents;

public sealed class IncidentsOnSqlite() : IncidentTests(Engine.Sqlite);

public sealed class IncidentsOnPostgres() : IncidentTests(Engine.Postgres);

/// <summary>From an alert to whoever must know of it, and to the postmortem.</summary>
public abstract class IncidentTests(Engine engine) : IncidentTestBase(engine)
{
    [Fact]
    public async Task An_alert_is_an_incident_that_is_told_of_once_and_resolved_with_it()
    {
        await using var service = await StartAsync();
        foreach (int _ in Enumerable.Range(0, 3)) await PostAsync(service, Json("DatabaseDown", "page", "fp1", Now));
        await PassAsync(service);
        var incident = (await OpenAsync(service)).ShouldHaveSingleItem();
        var summary = service.Get<IncidentViews>().Summary(incident);
        (summary.Severity, summary.State, summary.Deadline, summary.FiringAlerts).ShouldBe(("P0", "open", Now.AddMinutes(15), 1));
        Told().ShouldBe([$"opened {IncidentRole.OnCall}"]);

        Time.Advance(TimeSpan.FromMinutes(5));
        await PostAsync(service, Json("DatabaseDown", "page", "fp1", Now.AddMinutes(-5), Now));
        await PassAsync(service);
        (await OpenAsync(service)).ShouldBeEmpty();
        Told().ShouldBe([$"opened {IncidentRole.OnCall}", $"resolved {IncidentRole.OnCall}"]);
        // Over for good: nobody is told a second time.
        Time.Advance(TimeSpan.FromHours(3));
        await PassAsync(service);
        Told().Count.ShouldBe(2);
    }

    [Fact]
    public async Task Nobody_acknowledges_and_the_next_is_told_until_somebody_does()
    {
        await using var service = await StartAsync();
        var incident = await service.Get<IncidentDesk>().OpenAsync("Answers are wrong", "P1", "Seen by two teams.", Cancel);
        await PassAsync(service);
        await AdvanceAsync(service, TimeSpan.FromMinutes(59));
        Told().ShouldBe([$"opened {IncidentRole.OnCall}"]);
        await AdvanceAsync(service, TimeSpan.FromMinutes(2));
        Told().ShouldBe([$"opened {IncidentRole.OnCall}", $"escalated {IncidentRole.DevOps}"]);
        await service.Get<IncidentDesk>().AcknowledgeAsync(incident.Name, IncidentRole.DevOps, "looking", Cancel);
        await AdvanceAsync(service, TimeSpan.FromHours(5));
        Told().Count.ShouldBe(2);
        var found = await service.Get<IncidentDesk>().FindAsync(incident.Name[..8], Cancel);
        (found.State, found.Assignee).ShouldBe(("acknowledged", IncidentRole.DevOps));
        service.Get<IncidentViews>().Summary(found).DeadlineMet.ShouldBe(false);
    }

    [Fact]
    public async Task Of_a_P0_the_manager_hears_after_half_an_hour_and_of_a_P3_the_next_business_day_counts()
    {
        await using var service = await StartAsync(("Incidents:TimeZone", "Europe/Berlin"), ("Incidents:Holidays", "2026-03-04"));
        await service.Get<IncidentDesk>().OpenAsync("Down", "P0", null, Cancel);
        var low = await service.Get<IncidentDesk>().OpenAsync("A typing error", "P3", null, Cancel);
        // Tuesday noon; Wednesday is a holiday: Thursday 17:00 in Berlin.
        service.Get<IncidentViews>().Summary(low).Deadline.ShouldBe(new DateTimeOffset(2026, 3, 5, 16, 0, 0, TimeSpan.Zero));
        await AdvanceAsync(service, TimeSpan.FromMinutes(31));
        Told().Where(t => t.StartsWith("escalated", StringComparison.Ordinal)).ShouldBe([$"escalated {IncidentRole.DevOps}", $"escalated {IncidentRole.Manager}"], ignoreOrder: true);
        await AdvanceAsync(service, TimeSpan.FromHours(51));
        Told().Count(t => t == $"escalated {IncidentRole.DevOps}").ShouldBe(1);
        await AdvanceAsync(service, TimeSpan.FromHours(1));
        Told().Count(t => t == $"escalated {IncidentRole.DevOps}").ShouldBe(2);
    }

    [Fact]
    public async Task What_fires_again_within_an_hour_is_the_same_incident_and_later_another()
    {
        await using var service = await StartAsync();
        await PostAsync(service, Json("IndexLag", "ticket", "fp1", Now, Now.AddMinutes(1)));
        await AdvanceAsync(service, TimeSpan.FromMinutes(40));
        await PostAsync(service, Json("IndexLag", "ticket", "fp1", Now));
        await PassAsync(service);
        var again = (await OpenAsync(service)).ShouldHaveSingleItem();
        again.Round.ShouldBe(2);
        Told().Count(t => t == $"opened {IncidentRole.OnCall}").ShouldBe(2);
        await PostAsync(service, Json("IndexLag", "ticket", "fp1", Now, Now.AddMinutes(1)));
        await AdvanceAsync(service, TimeSpan.FromMinutes(62));
        await PostAsync(service, Json("IndexLag", "ticket", "fp1", Now));
        (await OpenAsync(service)).ShouldHaveSingleItem().Id.ShouldNotBe(again.Id);
        (await service.Get<IncidentDesk>().ListAsync(all: true, 50, Cancel)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_thousand_alerts_twice_and_out_of_order_at_three_replicas_are_each_one_incident_told_of_once()
    {
        const int Names = 25, Fingerprints = 20;
        await using var record = Engine == Engine.Sqlite ? null : await TestRecord.CreateAsync(Engine);
        var services = new List<TestService>();
        try
        {
            // SQLite belongs to one process; three who post at once are all that there can be.
            for (int i = 0; i < (record is null ? 1 : 3); i++) services.Add(await TestService.StartAsync(settings: Settings(), engine: Engine, record: record));
            var start = TimeProvider.System.GetUtcNow().AddMinutes(-5);
            var posts = new List<string>();
            foreach (int name in Enumerable.Range(0, Names))
                foreach (int f in Enumerable.Range(0, Fingerprints))
                {
                    var starts = start.AddMilliseconds(37 * f + name);
                    posts.Add(Json($"Alert{name}", "page", $"{name}-{f}", starts));
                    // All but one of every second name are over.
                    if (name % 2 == 0 || f > 0) posts.Add(Json($"Alert{name}", "page", $"{name}-{f}", starts, start.AddMinutes(2).AddSeconds(f)));
                }
            posts.Count.ShouldBeGreaterThan(980);
            var random = new Random(11);
            var shuffled = posts.Concat(posts).OrderBy(_ => random.Next()).ToList();
            int next = -1;
            await Task.WhenAll(Enumerable.Range(0, 9).Select(async worker =>
            {
                for (int i = Interlocked.Increment(ref next); i < shuffled.Count; i = Interlocked.Increment(ref next)) await PostAsync(services[worker % services.Count], shuffled[i]);
            }));
            await Task.WhenAll(services.Select(PassAsync));
            await Task.WhenAll(services.Select(PassAsync));
            var all = await services[0].Get<IncidentDesk>().ListAsync(all: true, 200, Cancel);
            all.Select(i => i.Key).Order().ShouldBe(Enumerable.Range(0, Names).Select(n => $"Alert{n}").Order());
            all.Count(i => i.Open).ShouldBe(Names / 2);
            all.ShouldAllBe(i => i.Alerts.Count == Fingerprints);
            // No message twice, and none missing: each incident was opened, and those that are over are told to be.
            var keys = Keys();
            keys.Distinct().Count().ShouldBe(keys.Count);
            keys.Count(k => k.Contains("/1/opened/", StringComparison.Ordinal)).ShouldBe(Names);
            all.Where(i => !i.Open).ShouldAllBe(i => keys.Contains($"{i.Id}/{i.Round}/resolved/{IncidentRole.OnCall}/webhook"));
            (await CountAsync(services[0], "SELECT COUNT(*) FROM incident_notifications WHERE state = 'sent'")).ShouldBe(keys.Count);
        }
        finally
        {
            foreach (var service in services) await service.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_sender_that_died_is_replaced_when_its_lease_is_over_and_not_before()
    {
        await using var service = await StartAsync();
        // Claimed in the moment in which the pass would do it, and never sent.
        await service.Get<IncidentDesk>().OpenAsync("Down", "P2", null, Cancel);
        (await service.Get<Outbox>().ClaimAsync(10, Cancel)).ShouldHaveSingleItem().Tries.ShouldBe(1);
        await AdvanceAsync(service, TimeSpan.FromSeconds(58));
        Told().ShouldBeEmpty();
        await AdvanceAsync(service, TimeSpan.FromSeconds(4));
        Told().ShouldBe([$"opened {IncidentRole.OnCall}"]);
        await AdvanceAsync(service, TimeSpan.FromMinutes(5));
        Told().Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_receiver_that_is_away_is_tried_again_and_hears_of_it_once()
    {
        Inbox.Answer = n => n < 2 ? (503, "later") : (200, "ok");
        await using var service = await StartAsync();
        await service.Get<IncidentDesk>().OpenAsync("Down", "P2", null, Cancel);
        await PassAsync(service);
        await AdvanceAsync(service, TimeSpan.FromSeconds(6));
        await AdvanceAsync(service, TimeSpan.FromSeconds(16));
        await AdvanceAsync(service, TimeSpan.FromMinutes(5));
        Inbox.All.Count.ShouldBe(3);
        Keys().Distinct().Count().ShouldBe(1);
        (await OpenAsync(service)).ShouldHaveSingleItem().Timeline.Count(t => t.Kind == IncidentKind.Notified).ShouldBe(1);
    }

    [Fact]
    public async Task A_replica_without_the_channel_leaves_the_message_to_one_that_has_it()
    {
        await using var record = Engine == Engine.Sqlite ? null : await TestRecord.CreateAsync(Engine);
        Task<TestService> ServiceAsync(Dictionary<string, string?> settings) => TestService.StartAsync(settings: settings, engine: Engine, record: record, time: Time, data: Folder);
        await using (var configured = await ServiceAsync(Settings())) await configured.Get<IncidentDesk>().OpenAsync("Down", "P2", null, Cancel);
        await using (var without = await ServiceAsync([]))
        {
            await PassAsync(without);
            (await CountAsync(without, "SELECT COUNT(*) FROM incident_notifications WHERE state = 'due'")).ShouldBe(1);
        }
        await using var again = await ServiceAsync(Settings());
        await AdvanceAsync(again, TimeSpan.FromSeconds(6));
        Told().ShouldBe([$"opened {IncidentRole.OnCall}"]);
        (await OpenAsync(again)).ShouldHaveSingleItem().Key.ShouldNotBe(Recipients.ChannelFailing);
    }

    [Fact]
    public async Task A_channel_that_gives_up_is_an_incident_thatothers_hear_of_until_it_works_again()
    {
        Inbox.Answer = _ => (500, "broken");
        await using var others = HttpInbox.Start();
        string secret = Path.Combine(Folder, "slack");
        await File.WriteAllTextAsync(secret, others.Address.ToString(), Cancel);
        await using var service = await StartAsync(("Contacts:EngineeringManager:SlackUrlFile", secret), ("Contacts:DevOpsTeam:Webhook", ""), ("Contacts:EngineeringManager:Webhook", ""));
        await service.Get<IncidentDesk>().OpenAsync("A trifle", "P3", null, Cancel);
        foreach (int _ in Enumerable.Range(0, 12)) await AdvanceAsync(service, TimeSpan.FromMinutes(10));
        var failing = (await OpenAsync(service)).Single(i => i.Key == Recipients.ChannelFailing);
        (failing.Severity, failing.Title).ShouldBe(("P1", "Notifications by webhook do not arrive"));
        others.All.Count.ShouldBe(1);
        Encoding.UTF8.GetString(others.All.Single().Body).ShouldContain("Notifications by webhook do not arrive");
        Keys().Count.ShouldBe(Outbox.MaxTries);

        Inbox.Answer = _ => (200, "ok");
        (await service.Get<Notifier>().TestAsync(IncidentRole.OnCall, Cancel)).ShouldAllBe(r => r.Result.Sent);
        (await OpenAsync(service)).ShouldNotContain(i => i.Key == Recipients.ChannelFailing);
    }

    [Fact]
    public async Task The_product_opens_incidents_about_its_own_error_budget_under_the_names_of_the_alerts()
    {
        await using var service = await StartAsync();
        await CountedAsync(service, minutes: 6, good: 50, total: 100);
        await service.Get<ObjectiveWatch>().RunAsync(Cancel);
        await service.Get<ObjectiveWatch>().RunAsync(Cancel);
        var incident = (await OpenAsync(service)).Single(i => i.Key == "AvailabilityBurnFast");
        (incident.Severity, incident.Firing.Count, incident.Events[0].Actor).ShouldBe(("P0", 2, Actors.Product));
        // Prometheus says the same: one incident.
        await PostAsync(service, Json("AvailabilityBurnFast", "page", "fp1", Now));
        (await OpenAsync(service)).Single(i => i.Key == "AvailabilityBurnFast").Firing.Count.ShouldBe(3);
        // Resolved by somebody, it burns on as before: it is not opened again for that.
        await service.Get<IncidentDesk>().ResolveAsync(incident.Name, null, Cancel);
        await service.Get<ObjectiveWatch>().RunAsync(Cancel);
        (await OpenAsync(service)).ShouldNotContain(i => i.Key == "AvailabilityBurnFast");
        await AdvanceAsync(service, TimeSpan.FromHours(7));
        await service.Get<ObjectiveWatch>().RunAsync(Cancel);
        (await service.Get<IncidentDesk>().FindAsync(incident.Name, Cancel)).Events.Count(e => e.Kind == IncidentKind.AlertResolved).ShouldBe(2);
    }

    [Fact]
    public async Task A_postmortem_says_what_is_known_and_asks_for_the_rest()
    {
        await using var service = await StartAsync();
        var desk = service.Get<IncidentDesk>();
        await PostAsync(service, Json("AvailabilityBurnFast", "page", "fp1", Now));
        await PassAsync(service);
        string name = (await OpenAsync(service)).ShouldHaveSingleItem().Name;
        await AdvanceAsync(service, TimeSpan.FromMinutes(10));
        await desk.AcknowledgeAsync(name, null, null, Cancel);
        await desk.NoteAsync(name, "restarted replica-2 | all of it", Cancel);
        await desk.ActionItemAsync(name, "Give the replicas more memory", IncidentRole.DevOps, "2026-04-01", Cancel);
        await CountedAsync(service, minutes: 5, good: 90, total: 100);
        await PostAsync(service, Json("AvailabilityBurnFast", "page", "fp1", Now.AddMinutes(-10), Now));
        await PassAsync(service);
        string text = await service.Get<Postmortem>().WriteAsync(await desk.FindAsync(name, Cancel), Cancel);
        text.ShouldStartWith($"# Postmortem of {name}: Summary of AvailabilityBurnFast");
        foreach (string line in new[]
        {
            "| Severity | P0, Critical: service down, or data at risk |", "| Time to respond | met |", "| Acknowledged | 2026-03-03 12:10:00, after 10 min 0 s |", "| Lasted | 10 min 0 s |",
            "| Errors | <0.1% | 500 | 50 | 10000.0 % |".Replace("Errors", Objectives.Errors.Title, StringComparison.Ordinal), "restarted replica-2 \\| all of it", $"| Give the replicas more memory | {IncidentRole.DevOps} | 2026-04-01 |",
            $"- opened: {IncidentRole.OnCall} by webhook, sent 2026-03-03 12:00:00", "## Cause", "## Lessons", "data:image/svg+xml;base64,",
        }) text.ShouldContain(line);
        string svg = Encoding.UTF8.GetString(Convert.FromBase64String(text.Split("base64,")[1].Split(')')[0]));
        System.Xml.Linq.XDocument.Parse(svg).Root!.Elements().Count(e => e.Attribute("fill")?.Value == "#b3261e").ShouldBe(5);
    }

    [Fact]
    public async Task What_makes_no_sense_is_refused_with_a_remedy()
    {
        await using var service = await StartAsync();
        var desk = service.Get<IncidentDesk>();
        var incident = await desk.OpenAsync("Down", "P2", null, Cancel);
        (await Should.ThrowAsync<RagException>(() => desk.OpenAsync("Down", "P7", null, Cancel))).Kind.ShouldBe(ErrorKind.Invalid);
        (await Should.ThrowAsync<RagException>(() => desk.OpenAsync(" ", "P1", null, Cancel))).Kind.ShouldBe(ErrorKind.Invalid);
        (await Should.ThrowAsync<RagException>(() => desk.AssignAsync(incident.Name, "the boss", null, Cancel))).Kind.ShouldBe(ErrorKind.Invalid);
        (await Should.ThrowAsync<RagException>(() => desk.ActionItemAsync(incident.Name, "do", IncidentRole.DevOps, "soon", Cancel))).Kind.ShouldBe(ErrorKind.Invalid);
        (await Should.ThrowAsync<RagException>(() => desk.FindAsync("INC-00000000", Cancel))).Kind.ShouldBe(ErrorKind.NotFound);
        (await Should.ThrowAsync<RagException>(() => desk.FindAsync("x'; --", Cancel))).Kind.ShouldBe(ErrorKind.Invalid);
        await desk.ResolveAsync(incident.Name, null, Cancel);
        (await Should.ThrowAsync<RagException>(() => desk.AcknowledgeAsync(incident.Name, null, null, Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        (await desk.ReopenAsync(incident.Name, null, Cancel)).Round.ShouldBe(2);
    }
}
