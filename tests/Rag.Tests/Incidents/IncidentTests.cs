using System.Globalization;
using System.Text;
using System.Text.Json;
using Dapper;
using Microsoft.Extensions.Time.Testing;
using Rag.Foundation;
using Rag.Incidents;
using Rag.Slo;
using Rag.Storage;
using Rag.Storage.Leadership;
using Rag.Testing;

namespace Rag.Tests.Incidents;

public sealed class IncidentsOnSqlite() : IncidentTests(Engine.Sqlite);

public sealed class IncidentsOnPostgres() : IncidentTests(Engine.Postgres);

/// <summary>Incidents on a real record, told of at a real receiver on loopback.</summary>
public abstract class IncidentTests(Engine engine) : IAsyncDisposable
{
    private readonly HttpInbox _inbox = HttpInbox.Start(), _others = HttpInbox.Start();
    private readonly string _folder = Directory.CreateTempSubdirectory("rag-incidents-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 3, 12, 0, 0, TimeSpan.Zero));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private DateTimeOffset Now => _time.GetUtcNow();

    public async ValueTask DisposeAsync()
    {
        await _inbox.DisposeAsync();
        await _others.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

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

        _time.Advance(TimeSpan.FromMinutes(5));
        await PostAsync(service, Json("DatabaseDown", "page", "fp1", Now.AddMinutes(-5), Now));
        await PassAsync(service);
        (await OpenAsync(service)).ShouldBeEmpty();
        Told().ShouldBe([$"opened {IncidentRole.OnCall}", $"resolved {IncidentRole.OnCall}"]);
        // Over for good: nobody is told a second time.
        _time.Advance(TimeSpan.FromHours(3));
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
        await using var record = engine == Engine.Sqlite ? null : await TestRecord.CreateAsync(engine);
        var services = new List<TestService>();
        try
        {
            // SQLite belongs to one process; three who post at once are all that there can be.
            for (int i = 0; i < (record is null ? 1 : 3); i++) services.Add(await TestService.StartAsync(settings: Settings(), engine: engine, record: record));
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
        _inbox.Answer = n => n < 2 ? (503, "later") : (200, "ok");
        await using var service = await StartAsync();
        await service.Get<IncidentDesk>().OpenAsync("Down", "P2", null, Cancel);
        await PassAsync(service);
        await AdvanceAsync(service, TimeSpan.FromSeconds(6));
        await AdvanceAsync(service, TimeSpan.FromSeconds(16));
        await AdvanceAsync(service, TimeSpan.FromMinutes(5));
        _inbox.All.Count.ShouldBe(3);
        Keys().Distinct().Count().ShouldBe(1);
        (await OpenAsync(service)).ShouldHaveSingleItem().Timeline.Count(t => t.Kind == IncidentKind.Notified).ShouldBe(1);
    }

    [Fact]
    public async Task A_channel_that_gives_up_is_an_incident_that_others_hear_of_until_it_works_again()
    {
        _inbox.Answer = _ => (500, "broken");
        string secret = Path.Combine(_folder, "slack");
        await File.WriteAllTextAsync(secret, _others.Address.ToString(), Cancel);
        await using var service = await StartAsync(("Contacts:EngineeringManager:SlackUrlFile", secret), ("Contacts:DevOpsTeam:Webhook", ""), ("Contacts:EngineeringManager:Webhook", ""));
        await service.Get<IncidentDesk>().OpenAsync("A trifle", "P3", null, Cancel);
        foreach (int _ in Enumerable.Range(0, 12)) await AdvanceAsync(service, TimeSpan.FromMinutes(10));
        var failing = (await OpenAsync(service)).Single(i => i.Key == Recipients.ChannelFailing);
        (failing.Severity, failing.Title).ShouldBe(("P1", "Notifications by webhook do not arrive"));
        _others.All.Count.ShouldBe(1);
        Encoding.UTF8.GetString(_others.All.Single().Body).ShouldContain("Notifications by webhook do not arrive");
        Keys().Count.ShouldBe(Outbox.MaxTries);

        _inbox.Answer = _ => (200, "ok");
        (await service.Get<Notifier>().TestAsync(IncidentRole.OnCall, Cancel)).ShouldAllBe(r => r.Result.Sent);
        (await OpenAsync(service)).ShouldNotContain(i => i.Key == Recipients.ChannelFailing);
    }

    [Fact]
    public async Task While_the_record_is_away_alerts_are_incidents_all_the_same_and_are_in_it_when_it_is_back()
    {
        await using var record = engine == Engine.Sqlite ? null : await TestRecord.CreateAsync(engine);
        string name;
        await using (var service = await TestService.StartAsync(settings: Settings(), engine: engine, record: record, time: _time, data: _folder))
        {
            service.Get<RecordState>().Postponed = new RagException(ErrorKind.Unavailable, "away", "wait");
            await PostAsync(service, Json("DatabaseDown", "page", "fp1", Now));
            await PostAsync(service, Json("DatabaseDown", "page", "fp1", Now));
            await PassAsync(service);
            name = (await OpenAsync(service)).ShouldHaveSingleItem().Name;
            Told().ShouldBe([$"opened {IncidentRole.OnCall}"]);
            (await CountAsync(service, "SELECT COUNT(*) FROM incidents")).ShouldBe(0);
            await AdvanceAsync(service, TimeSpan.FromMinutes(16));
            Told().ShouldBe([$"opened {IncidentRole.OnCall}", $"escalated {IncidentRole.DevOps}"]);
        }
        // Killed while it wrote a line: what was acknowledged before is there.
        await File.AppendAllTextAsync(Path.Combine(_folder, "incidents", "spool.jsonl"), "0123456789abcdef {\"event\":", Cancel);
        await using (var service = await TestService.StartAsync(settings: Settings(), engine: engine, record: record, time: _time, data: _folder))
        {
            await PassAsync(service);
            (await service.Get<IncidentDesk>().AcknowledgeAsync(name, IncidentRole.DevOps, null, Cancel)).State.ShouldBe("acknowledged");
            await AdvanceAsync(service, TimeSpan.FromHours(1));
            Told().Count.ShouldBe(2);
            File.Exists(Path.Combine(_folder, "incidents", "spool.jsonl")).ShouldBeFalse();
            var incident = (await OpenAsync(service)).ShouldHaveSingleItem();
            (incident.Name, incident.State, incident.Level).ShouldBe((name, "acknowledged", 1));
            (await CountAsync(service, "SELECT COUNT(*) FROM incident_notifications WHERE state = 'sent'")).ShouldBe(2);
            await PostAsync(service, Json("DatabaseDown", "page", "fp1", new(2026, 3, 3, 12, 0, 0, TimeSpan.Zero), Now));
            await PassAsync(service);
            Told().Count(t => t.StartsWith("resolved", StringComparison.Ordinal)).ShouldBe(2);
            (await service.Get<IncidentDesk>().ListAsync(all: true, 50, Cancel)).ShouldHaveSingleItem();
        }
    }

    [Fact]
    public async Task Without_the_record_people_see_acknowledge_and_resolve_all_the_same()
    {
        await using var service = await StartAsync();
        var desk = service.Get<IncidentDesk>();
        service.Get<RecordState>().Postponed = new RagException(ErrorKind.Unavailable, "away", "wait");
        var opened = await desk.OpenAsync("Seen by somebody", "P0", null, Cancel);
        await PassAsync(service);
        (await desk.FindAsync(opened.Name, Cancel)).Timeline.Select(t => t.Kind).ShouldBe([IncidentKind.Opened, IncidentKind.Notified]);
        await desk.AcknowledgeAsync(opened.Name, null, null, Cancel);
        await AdvanceAsync(service, TimeSpan.FromHours(1));
        Told().ShouldBe([$"opened {IncidentRole.OnCall}"]);
        (await desk.ResolveAsync(opened.Name, "it was nothing", Cancel)).State.ShouldBe("resolved");
        await PassAsync(service);
        Told().ShouldBe([$"opened {IncidentRole.OnCall}", $"resolved {IncidentRole.OnCall}"]);
        service.Get<RecordState>().Postponed = null;
        await AdvanceAsync(service, TimeSpan.FromMinutes(2));
        (await service.Get<IncidentRecord>().ListAsync(all: true, 5, Cancel)).ShouldHaveSingleItem().Timeline.Select(t => t.Kind)
            .ShouldBe([IncidentKind.Opened, IncidentKind.Notified, IncidentKind.Acknowledged, IncidentKind.Resolved, IncidentKind.Notified]);
        Told().Count.ShouldBe(2);
    }

    [Fact]
    public async Task What_waits_for_the_record_on_disk_is_bounded_and_survives_a_kill_in_the_middle_of_a_line()
    {
        var log = Microsoft.Extensions.Logging.Abstractions.NullLogger<IncidentSpool>.Instance;
        using var data = DataDirectory.Open(new StorageOptions { DataDirectory = _folder });
        var spool = new IncidentSpool(data, new IncidentsOptions { SpoolMb = 1 }, log);
        SpoolLine Line(int i, int chars) => new(Event: new($"e{i}", "a", Now, IncidentKind.Note, Actors.Operator, new(Text: new string('x', chars))));
        spool.Append([Line(1, 10), Line(2, 10), Line(1, 10)]);
        Should.Throw<RagException>(() => spool.Append([Line(3, 2_000_000)])).Kind.ShouldBe(ErrorKind.StorageFull);
        await File.AppendAllTextAsync(Path.Combine(_folder, "incidents", "spool.jsonl"), "0123456789abcdef {\"event\":", Cancel);
        spool = new IncidentSpool(data, new IncidentsOptions { SpoolMb = 1 }, log);
        spool.Lines.Select(l => l.Id).ShouldBe(["e1", "e2"]);
        spool.Append([Line(4, 10)]);
        spool.Remove(["e1"]);
        new IncidentSpool(data, new IncidentsOptions(), log).Lines.Select(l => l.Id).ShouldBe(["e2", "e4"]);
    }

    [Fact]
    public async Task What_was_open_before_the_record_went_away_goes_on()
    {
        await using var service = await StartAsync();
        await PostAsync(service, Json("AvailabilityBurnFast", "page", "fp1", Now));
        await PassAsync(service);
        await AdvanceAsync(service, TimeSpan.FromSeconds(10));
        service.Get<RecordState>().Postponed = new RagException(ErrorKind.Unavailable, "away", "wait");
        // It fires on, and a second replica of it: nothing to tell anybody of.
        await PostAsync(service, Json("AvailabilityBurnFast", "page", "fp1", Now.AddSeconds(-10)));
        await PostAsync(service, Json("AvailabilityBurnFast", "page", "fp2", Now));
        await AdvanceAsync(service, TimeSpan.FromMinutes(2));
        Told().ShouldBe([$"opened {IncidentRole.OnCall}"]);
        await AdvanceAsync(service, TimeSpan.FromMinutes(14));
        Told().ShouldBe([$"opened {IncidentRole.OnCall}", $"escalated {IncidentRole.DevOps}"]);
        service.Get<RecordState>().Postponed = null;
        await AdvanceAsync(service, TimeSpan.FromMinutes(2));
        var incident = (await OpenAsync(service)).ShouldHaveSingleItem();
        (incident.Alerts.Count, incident.Level).ShouldBe((2, 1));
        Told().Count.ShouldBe(2);
    }

    [Fact]
    public async Task An_incident_that_two_replicas_told_of_apart_is_one_in_the_record_and_found_under_both_names()
    {
        await using var service = await StartAsync();
        var record = service.Get<IncidentRecord>();
        var events = new[] { "one", "two" }.Select((f, i) => AlertIntake.Events(
            new("Key", f, Now.AddSeconds(i), null, "P1", f, "", new Dictionary<string, string>(), null, Actors.Alertmanager), IncidentIds.Of("interim", f), Now).ToList()).ToList();
        foreach (int _ in Enumerable.Range(0, 2))
            foreach (var some in events) await record.ReplayAsync(some[0].IncidentId, some, [], TimeSpan.Zero, Cancel);
        var incident = (await OpenAsync(service)).ShouldHaveSingleItem();
        incident.Alerts.Count.ShouldBe(2);
        foreach (var some in events) (await service.Get<IncidentDesk>().FindAsync(IncidentIds.Short(some[0].IncidentId), Cancel)).Id.ShouldBe(incident.Id);
    }

    [Fact]
    public async Task Without_the_record_replicas_that_share_Redis_tell_of_it_once()
    {
        if (!RedisServer.Installed) Assert.Skip("redis-server is not installed; './test' installs it.");
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var record = engine == Engine.Sqlite ? null : await TestRecord.CreateAsync(engine);
        var settings = Settings(("Caching:Redis:Endpoints", redis.Endpoint));
        var services = new List<TestService>();
        try
        {
            for (int i = 0; i < 3; i++) services.Add(await TestService.StartAsync(settings: settings, engine: engine, record: record));
            foreach (var service in services)
            {
                var connection = service.Get<Rag.Caching.RedisConnection>();
                for (int i = 0; connection.Circuit.IsOpen && i < 200; i++) await Task.Delay(25, Cancel);
                connection.Circuit.IsOpen.ShouldBeFalse();
                service.Get<RecordState>().Postponed = new RagException(ErrorKind.Unavailable, "away", "wait");
            }
            var starts = TimeProvider.System.GetUtcNow();
            await Task.WhenAll(Enumerable.Range(0, 12).Select(i => PostAsync(services[i % 3], Json("DatabaseDown", "page", $"fp{i % 2}", starts.AddSeconds(i % 2)))));
            await Task.WhenAll(services.Select(PassAsync));
            await Task.WhenAll(services.Select(PassAsync));
            Told().ShouldBe([$"opened {IncidentRole.OnCall}"]);
            string name = (await OpenAsync(services[0])).ShouldHaveSingleItem().Name;
            // Whoever is asked knows of it.
            await services[1].Get<IncidentDesk>().AcknowledgeAsync(name, null, null, Cancel);
            (await OpenAsync(services[2])).ShouldHaveSingleItem().State.ShouldBe("acknowledged");
            if (record is null) return;
            foreach (var service in services) service.Get<RecordState>().Postponed = null;
            await Task.WhenAll(services.Select(PassAsync));
            var incident = (await services[2].Get<IncidentRecord>().ListAsync(all: true, 10, Cancel)).ShouldHaveSingleItem();
            (incident.Name, incident.State, incident.Alerts.Count).ShouldBe((name, "acknowledged", 2));
            (await CountAsync(services[0], "SELECT COUNT(*) FROM incident_notifications WHERE state = 'sent'")).ShouldBe(1);
            Told().Count.ShouldBe(1);
            (await redis.CallAsync(Cancel, "LLEN", "rag:incidents:waiting")).ShouldBe("0");
        }
        finally
        {
            foreach (var service in services) await service.DisposeAsync();
        }
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

    private Dictionary<string, string?> Settings(params (string Key, string Value)[] more)
    {
        var settings = new[] { "OnCallEngineer", "DevOpsTeam", "EngineeringManager" }.ToDictionary(r => $"Contacts:{r}:Webhook", string? (_) => _inbox.Address.ToString());
        foreach (var (key, value) in more) settings[key] = value;
        return settings;
    }

    private Task<TestService> StartAsync(params (string Key, string Value)[] more) => TestService.StartAsync(settings: Settings(more), engine: engine, time: _time);

    private static Task PostAsync(TestService service, string json) => service.Get<IncidentDesk>().TakeAsync(AlertReader.Read(Encoding.UTF8.GetBytes(json)), Cancel);

    private static Task PassAsync(TestService service) => service.Get<Notifier>().PassAsync(Cancel);

    private async Task AdvanceAsync(TestService service, TimeSpan by)
    {
        _time.Advance(by);
        await PassAsync(service);
    }

    private static Task<IReadOnlyList<Incident>> OpenAsync(TestService service) => service.Get<IncidentDesk>().ListAsync(all: false, 100, Cancel);

    private List<string> Keys() => [.. _inbox.All.Select(r => r.Headers["idempotency-key"])];

    private List<string> Told() => [.. _inbox.All.Select(r => JsonDocument.Parse(r.Body).RootElement).Select(n => $"{n.GetProperty("step").GetString()} {n.GetProperty("role").GetString()}")];

    private static async Task<long> CountAsync(TestService service, string sql)
    {
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        return await connection.ExecuteScalarAsync<long>(sql);
    }

    /// <summary>Writes what would have been served in the minutes up to now.</summary>
    private Task CountedAsync(TestService service, int minutes, long good, long total) => service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(
        "INSERT INTO slo_minutes (minute, objective, good, total) VALUES (@minute, @objective, @good, @total)",
        from m in Enumerable.Range(1, minutes)
        from o in new[] { Objectives.Availability.Name, Objectives.Errors.Name }
        select new { minute = SloRecorder.Minute(Now) - m, objective = o, good, total }, tx), Cancel);

    private static string Json(string name, string severity, string fingerprint, DateTimeOffset starts, DateTimeOffset? ends = null) => JsonSerializer.Serialize(new
    {
        version = "4",
        groupKey = $"{{}}:{{alertname=\"{name}\"}}",
        status = ends is null ? "firing" : "resolved",
        alerts = new[]
        {
            new
            {
                status = ends is null ? "firing" : "resolved", labels = new Dictionary<string, string> { ["alertname"] = name, ["severity"] = severity },
                annotations = new Dictionary<string, string> { ["summary"] = $"Summary of {name}", ["description"] = "What is so.", ["runbook_url"] = "docs/operations/runbook.md#x" },
                startsAt = starts.ToString("O", CultureInfo.InvariantCulture), endsAt = ends?.ToString("O", CultureInfo.InvariantCulture) ?? "0001-01-01T00:00:00Z", generatorURL = "http://127.0.0.1:9090/graph", fingerprint,
            },
        },
    });
}
