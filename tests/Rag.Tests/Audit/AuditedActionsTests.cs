using Dapper;
using Rag.Access;
using Rag.Answering;
using Rag.Audit;
using Rag.Caching;
using Rag.Foundation;
using Rag.Incidents;
using Rag.Ingestion;
using Rag.Maintenance;
using Rag.Runbook;
using Rag.Storage;

namespace Rag.Tests.Audit;

/// <summary>What changes something is on the record in the same transaction, or is not done; what is shown is on it shortly after; on both engines.</summary>
public sealed class AuditedActionsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<Engine> Engines => [Engine.Sqlite, Engine.Postgres];

    /// <summary>What each does, by the action that it is recorded as; its resource begins with the second.</summary>
    private static readonly (string Action, string Resource, Func<TestService, Task> Do)[] Actions =
    [
        ("collection.put", "collection:made", s => s.Get<Collections>().EnsureAsync("made", null, Cancel)),
        ("collection.delete", "collection:old", s => s.Get<Collections>().DeleteAsync("old", Cancel)),
        ("documents.put", "collection:default", s => s.PutAsync("new.txt", "A new document says something.")),
        ("document.delete", "document:", s => s.DeleteAsync("kept.txt")),
        ("cache.clear", "cache", s => s.Get<CacheOperations>().ClearAsync(Cancel)),
        ("maintenance.window.announce", "window:", s => s.Get<MaintenanceWindows>().AnnounceAsync(new("A window", null, "1h"), Cancel)),
        ("runbook.run.start", "run:", s => s.Get<RunbookRecord>().StartAsync(s.Get<RunbookText>().Sections.First(x => x.Steps.Count > 0), "somebody", Cancel)),
    ];

    public static TheoryData<Engine, string> EngineActions
    {
        get
        {
            var data = new TheoryData<Engine, string>();
            foreach (var (action, _, _) in Actions)
                foreach (var engine in new[] { Engine.Sqlite, Engine.Postgres }) data.Add(engine, action);
            return data;
        }
    }

    [Theory, MemberData(nameof(EngineActions))]
    public async Task Who_does_something_is_on_the_record(Engine engine, string name)
    {
        await using var service = await StartAsync(engine);
        var (action, resource, act) = Actions.First(a => a.Action == name);
        Actor.Become(new Caller("key", "k-7", "the seventh key", "192.0.2.7", [new(Role.Admin, null)], []));
        await act(service);
        var ocsf = (await AuditTrailTests.EventsAsync(service, action))[^1];
        OcsfEvent.OwnerOf(ocsf).ShouldBe("key:k-7");
        OcsfEvent.ResourceOf(ocsf).ShouldStartWith(resource);
        ocsf.GetProperty("src_endpoint").GetProperty("ip").GetString().ShouldBe("192.0.2.7");
    }

    [Theory, MemberData(nameof(EngineActions))]
    public async Task What_cannot_be_recorded_is_not_done(Engine engine, string name)
    {
        await using var service = await StartAsync(engine);
        await service.Get<Answerer>().AskAsync(new("What does the kept document say?"), Cancel);
        await RenameAsync("audit_records", "audit_records_away");
        string before = await ContentAsync();
        long cached = service.Get<LayeredCache>().Local.Entries;
        (await Should.ThrowAsync<RagException>(() => Actions.First(a => a.Action == name).Do(service))).Kind.ShouldBe(ErrorKind.Unavailable);
        (await ContentAsync()).ShouldBe(before);
        service.Get<LayeredCache>().Local.Entries.ShouldBe(cached);
        await RenameAsync("audit_records_away", "audit_records");

        Task RenameAsync(string from, string to) => service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync($"ALTER TABLE {from} RENAME TO {to}", transaction: tx), Cancel);

        async Task<string> ContentAsync()
        {
            await using var connection = await service.Get<Database>().OpenAsync(Cancel);
            var content = new List<string>();
            foreach (string sql in new[] { "SELECT name FROM collections ORDER BY name", "SELECT uri FROM documents ORDER BY uri", "SELECT title FROM maintenance_windows", "SELECT id FROM runbook_runs", "SELECT kind FROM change_log ORDER BY seq" })
                content.AddRange(await connection.QueryAsync<string>(sql));
            return string.Join('\n', content);
        }
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_somebody_is_shown_is_on_the_record_also_from_the_cache(Engine engine)
    {
        await using var service = await StartAsync(engine);
        var kept = (await service.Get<DocumentRecord>().FindByUriAsync((await service.CollectionAsync()).Id, "kept.txt", Cancel)).ShouldNotBeNull();
        Actor.Become(new("user", "u-9", "a reader"));
        for (int i = 0; i < 5; i++) await service.AskAsync("What does the kept document say?");
        await service.Get<DataAccessLog>().FlushAsync(Cancel);
        var accesses = (await AuditTrailTests.EventsAsync(service, "documents.read")).Where(e => OcsfEvent.OwnerOf(e) == "user:u-9").SelectMany(e => e.GetProperty("unmapped").GetProperty("accesses").EnumerateArray()).ToList();
        accesses.Sum(a => a.GetProperty("count").GetInt64()).ShouldBe(5);
        accesses.ShouldAllBe(a => a.GetProperty("documents").EnumerateArray().Select(d => d.GetString()).Contains(kept.Id));
        accesses.Select(a => a.GetProperty("question_hash").GetString()).Distinct().ShouldHaveSingleItem();
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_is_shown_while_the_record_is_away_waits_on_disk_and_follows_with_its_time(Engine engine)
    {
        string data = Directory.CreateTempSubdirectory("rag-test-").FullName;
        await using var record = engine == Engine.Sqlite ? null : await TestRecord.CreateAsync(engine);
        await using (var service = await TestService.StartAsync(data: data, engine: engine, record: record))
        {
            service.Get<RecordState>().Postponed = new RagException(ErrorKind.Unavailable, "away", "wait");
            Actor.Become(new("user", "u-3", "a reader"));
            service.Get<DataAccessLog>().Note(new("read", "c", null, null, ["d-1"]));
            await service.Get<DataAccessLog>().FlushAsync(Cancel);
            (await AuditTrailTests.EventsAsync(service, "documents.read")).ShouldBeEmpty();
        }
        // Killed while it wrote a line.
        await File.AppendAllTextAsync(Directory.EnumerateFiles(Path.Combine(data, "spool"), "audit-*").Single(), "0123456789abcdef {\"id\":", Cancel);
        var restarted = TimeProvider.System.GetUtcNow();
        await using (var service = await TestService.StartAsync(data: data, engine: engine, record: record))
        {
            await service.Get<DataAccessLog>().ReplayAsync(Cancel);
            while (service.Get<AccessSpool>().Any) await Task.Delay(20, Cancel);
            var ocsf = (await AuditTrailTests.EventsAsync(service, "documents.read")).ShouldHaveSingleItem();
            DateTimeOffset.FromUnixTimeMilliseconds(ocsf.GetProperty("time").GetInt64()).ShouldBeLessThan(restarted);
            OcsfEvent.OwnerOf(ocsf).ShouldBe("user:u-3");
        }
        Directory.Delete(data, recursive: true);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Incidents_are_recorded_with_who_did_what_and_also_those_of_a_time_without_the_record(Engine engine)
    {
        await using var service = await StartAsync(engine);
        var desk = service.Get<IncidentDesk>();
        Actor.Become(new("user", "u-5", "an operator"));
        var first = await desk.OpenAsync("Something is wrong", "P2", null, Cancel);
        await desk.AcknowledgeAsync(first.Name, null, "looking", Cancel);
        service.Get<RecordState>().Postponed = new RagException(ErrorKind.Unavailable, "away", "wait");
        var second = await desk.OpenAsync("Something else is wrong", "P2", null, Cancel);
        await desk.ResolveAsync(second.Name, null, Cancel);
        service.Get<RecordState>().Postponed = null;
        Actor.Become(Actor.System);
        await service.Get<Notifier>().PassAsync(Cancel);
        var events = (await AuditTrailTests.EventsAsync(service, "incident.opened")).Concat(await AuditTrailTests.EventsAsync(service, "incident.acknowledged")).Concat(await AuditTrailTests.EventsAsync(service, "incident.resolved")).ToList();
        events.ShouldAllBe(e => OcsfEvent.OwnerOf(e) == "user:u-5");
        events.Select(OcsfEvent.ResourceOf).Order().ShouldBe(new[] { first.Name, first.Name, second.Name, second.Name }.Select(n => "incident:" + n).Order());
    }

    private static async Task<TestService> StartAsync(Engine engine)
    {
        var service = await TestService.StartAsync(engine: engine);
        await service.Get<Collections>().EnsureAsync("old", null, Cancel);
        await service.PutAsync("kept.txt", "The kept document says that audits are kept for seven years.");
        return service;
    }
}
