using Rag.Foundation;
using Rag.Incidents;
using Rag.Storage;
using Rag.Testing;

namespace Rag.Tests.Incidents;

public sealed class IncidentsAwayOnSqlite() : IncidentsAwayTests(Engine.Sqlite);

public sealed class IncidentsAwayOnPostgres() : IncidentsAwayTests(Engine.Postgres);

/// <summary>Incidents go on while the record is away, and are in it when it is back.</summary>
public abstract class IncidentsAwayTests(Engine engine) : IncidentTestBase(engine)
{
    [Fact]
    public async Task While_the_record_is_away_alerts_are_incidents_all_the_same_and_are_in_it_when_it_is_back()
    {
        await using var record = Engine == Engine.Sqlite ? null : await TestRecord.CreateAsync(Engine);
        string name;
        await using (var service = await TestService.StartAsync(settings: Settings(), engine: Engine, record: record, time: Time, data: Folder))
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
        await File.AppendAllTextAsync(Path.Combine(Folder, "incidents", "spool.jsonl"), "0123456789abcdef {\"event\":", Cancel);
        await using (var service = await TestService.StartAsync(settings: Settings(), engine: Engine, record: record, time: Time, data: Folder))
        {
            await PassAsync(service);
            (await service.Get<IncidentDesk>().AcknowledgeAsync(name, IncidentRole.DevOps, null, Cancel)).State.ShouldBe("acknowledged");
            await AdvanceAsync(service, TimeSpan.FromHours(1));
            Told().Count.ShouldBe(2);
            File.Exists(Path.Combine(Folder, "incidents", "spool.jsonl")).ShouldBeFalse();
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
        using var data = DataDirectory.Open(new StorageOptions { DataDirectory = Folder });
        var spool = new IncidentSpool(data, new IncidentsOptions { SpoolMb = 1 }, log);
        SpoolLine Line(int i, int chars) => new(Event: new($"e{i}", "a", Now, IncidentKind.Note, Actors.Operator, new(Text: new string('x', chars))));
        spool.Append([Line(1, 10), Line(2, 10), Line(1, 10)]);
        Should.Throw<RagException>(() => spool.Append([Line(3, 2_000_000)])).Kind.ShouldBe(ErrorKind.StorageFull);
        await File.AppendAllTextAsync(Path.Combine(Folder, "incidents", "spool.jsonl"), "0123456789abcdef {\"event\":", Cancel);
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
            foreach (var some in events) await record.ReplayAsync(some[0].IncidentId, [.. some.Select(e => (e, (Rag.Audit.Actor?)null))], [], TimeSpan.Zero, Cancel);
        var incident = (await OpenAsync(service)).ShouldHaveSingleItem();
        incident.Alerts.Count.ShouldBe(2);
        foreach (var some in events) (await service.Get<IncidentDesk>().FindAsync(IncidentIds.Short(some[0].IncidentId), Cancel)).Id.ShouldBe(incident.Id);
    }

    [Fact]
    public async Task Without_the_record_replicas_that_share_Redis_tell_of_it_once()
    {
        if (!RedisServer.Installed) Assert.Skip("redis-server is not installed; './test' installs it.");
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var record = Engine == Engine.Sqlite ? null : await TestRecord.CreateAsync(Engine);
        var settings = Settings(("Caching:Redis:Endpoints", redis.Endpoint));
        var services = new List<TestService>();
        try
        {
            for (int i = 0; i < 3; i++) services.Add(await TestService.StartAsync(settings: settings, engine: Engine, record: record));
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
}
