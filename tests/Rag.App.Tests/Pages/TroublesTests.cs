using Rag.App.Pages;
using Rag.Audit;
using Rag.Backup.Drills;
using Rag.Incidents;
using Rag.Maintenance;
using Rag.Maintenance.Schedules;
using Rag.Runbook;
using Rag.Slo;
using Rag.Telemetry;
using Shouldly;

namespace Rag.App.Tests.Pages;

/// <summary>What of the state of things somebody is woken for, what waits, and where each leads.</summary>
public sealed class TroublesTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 3, 0, 0, TimeSpan.Zero);

    /// <summary>All is well.</summary>
    private static readonly RecordGlance Record = new(
        Now, new(30, Now.AddDays(-30), [Objective(0.9995, 10_000)]), [Replica("web-1", leads: true), Replica("web-2")], null, null, Drill(passed: true), new(100, Now, Now, null), [Schedule(ScheduleRunView.Done)]);

    private static readonly OperateModel Well = new(
        Now, "web-1", [new("database", true, "postgres"), new("redis", true, "")], 5, 5, 0, null, null, [], [],
        [.. BackupTimes.Kinds.Select(k => new BackupAges(k, Now.AddHours(-5), Now.AddHours(-4)))], [new("server", Now.AddDays(60))], null, null, Record);

    public static TheoryData<string, bool, string> Wrong => new()
    {
        { "P1 open", true, "P1 It is broken" },
        { "P3 open", false, "P3 It is broken" },
        { "P3 late", true, "P3 It is broken" },
        { "P0 acknowledged", false, "P0 It is broken" },
        { "database down", true, "The database is down" },
        { "redis down", false, "Redis is down" },
        { "embeddings down", false, "The embedding model is down" },
        { "language model down", false, "The language model is down" },
        { "index stands", true, "The index of this replica does not go on" },
        { "index behind", false, "The index of this replica is behind" },
        { "replica gone", false, "Replica web-2 is gone" },
        { "nobody leads", false, "No replica leads" },
        { "objective not held", false, "Availability 99.9% uptime is not held" },
        { "certificate soon", false, "The certificate of redis ends in 20 days" },
        { "certificate now", true, "The certificate of redis ends in 2 days" },
        { "certificate ended", true, "The certificate of redis has ended" },
        { "read-only for long", false, "Writes have been refused for 5 h" },
        { "daily backup late", false, "Backups are overdue: daily 27 h ago" },
        { "never backed up", false, "Backups are overdue: daily never, weekly never, monthly never" },
        { "unproven", false, "Backups are not proven: weekly never" },
        { "unsigned", false, "The audit record is not signed" },
        { "uncovered", false, "The audit record has had no checkpoint outside for 3 h" },
        { "drill failed", false, "The last drill failed" },
        { "schedule failed", false, "The schedule retention failed" },
    };

    [Fact]
    public void Where_all_is_well_nothing_is_said() => Well.Troubles.ShouldBeEmpty();

    [Theory, MemberData(nameof(Wrong))]
    public void Each_thing_that_is_wrong_is_said_once_and_leads_to_where_it_is_seen_to(string what, bool now, string said)
    {
        var trouble = With(what).Troubles.ShouldHaveSingleItem();
        trouble.What.ShouldBe(said);
        trouble.Now.ShouldBe(now);
        trouble.Next.ShouldNotBeEmpty();
        if (trouble.Url.StartsWith("/runbook/", StringComparison.Ordinal)) new RunbookText().Sections.ShouldContain(s => RunbookPages.Url(s.Slug, null) == trouble.Url);
        else Sitemap.All.ShouldContain(p => trouble.Url == p.Url || trouble.Url.StartsWith(p.Url + "/", StringComparison.Ordinal) || trouble.Url.StartsWith(p.Url + "#", StringComparison.Ordinal));
    }

    [Fact]
    public void What_somebody_gets_up_for_comes_first()
    {
        var troubles = (With("redis down") with { Incidents = [Incident("P3", "open", Now.AddHours(1)), Incident("P2", "open", Now.AddHours(1))], IndexTrouble = "no room" }).Troubles;
        troubles.Select(t => t.Now).ShouldBe([true, true, false, false]);
        troubles[0].By.ShouldBe(Now.AddHours(1));
    }

    [Fact]
    public void A_few_events_say_nothing_of_an_objective()
    {
        var few = Well with { Record = Record with { Slo = new(30, Now, [Objective(0.5, Checklist.MinEvents - 1)]) } };
        few.Troubles.ShouldBeEmpty();
    }

    [Fact]
    public void A_replica_that_came_back_under_its_name_is_not_missed()
    {
        var back = Well with { Record = Record with { Replicas = [Replica("web-1", leads: true), Replica("web-2") with { Up = false, SeenAt = Now.AddHours(-1) }, Replica("web-2")] } };
        back.Troubles.ShouldBeEmpty();
    }

    [Fact]
    public void While_the_record_is_away_what_it_said_last_raises_no_alarm()
    {
        var away = Well with
        {
            Away = "It does not answer.", Dependencies = [new("database", false, "Questions are answered from the index.")], IndexTrouble = "the record is away",
            Record = With("replica gone").Record! with { Audit = With("uncovered").Record!.Audit, Slo = With("objective not held").Record!.Slo },
        };
        away.Troubles.ShouldHaveSingleItem().What.ShouldBe("The database is down");
    }

    private static OperateModel With(string what) => what switch
    {
        "P1 open" => Well with { Incidents = [Incident("P1", "open", Now.AddMinutes(20))] },
        "P3 open" => Well with { Incidents = [Incident("P3", "open", Now.AddHours(20))] },
        "P3 late" => Well with { Incidents = [Incident("P3", "open", Now.AddHours(-1))] },
        "P0 acknowledged" => Well with { Incidents = [Incident("P0", "acknowledged", Now.AddHours(-1))] },
        "index stands" => Well with { IndexTrouble = "no room" },
        "index behind" => Well with { IndexLagSeconds = 61 },
        "replica gone" => Well with { Record = Record with { Replicas = [Replica("web-1", leads: true), Replica("web-2") with { Up = false, SeenAt = Now.AddHours(-1) }] } },
        "nobody leads" => Well with { Record = Record with { Replicas = [Replica("web-1")] } },
        "objective not held" => Well with { Record = Record with { Slo = new(30, Now, [Objective(0.99, 1_000)]) } },
        "certificate soon" => Well with { Certificates = [new("redis", Now.AddDays(20.5))] },
        "certificate now" => Well with { Certificates = [new("redis", Now.AddDays(2.5))] },
        "certificate ended" => Well with { Certificates = [new("redis", Now)] },
        "read-only for long" => Well with { ReadOnly = new("1", "a new disk", "somebody", Now.AddHours(-5), Now.AddHours(1), null, null, null) },
        "daily backup late" => Well with { Backups = [Well.Backups[0] with { Made = Now.AddHours(-27) }, .. Well.Backups.Skip(1)] },
        "never backed up" => Well with { Backups = [.. BackupTimes.Kinds.Select(k => new BackupAges(k, null, null))] },
        "unproven" => Well with { Backups = [Well.Backups[0], Well.Backups[1] with { Proven = null }, Well.Backups[2]] },
        "unsigned" => Well with { AuditTrouble = "its first 5 records are not those that were signed" },
        "uncovered" => Well with { Record = Record with { Audit = new(100, Now.AddHours(-4), Now.AddHours(-4), Now.AddHours(-3)) } },
        "drill failed" => Well with { Record = Record with { Drill = Drill(passed: false) } },
        "schedule failed" => Well with { Record = Record with { Schedules = [Schedule(ScheduleRunView.Failed)] } },
        _ => Well with { Dependencies = [new(what[..^" down".Length].Replace(' ', '_'), false, "What follows.")] },
    };

    private static ObjectiveStatus Objective(double attained, long total) =>
        new("availability", "Availability", "99.9% uptime", "Questions answered", 0.999, attained, attained >= 0.999, 1 - (1 - attained) / 0.001, (long)(total * attained), total, new Dictionary<string, double?> { ["1h"] = 0 });

    private static ReplicaInfo Replica(string name, bool leads = false) => new(name, "0.1.0", Now.AddDays(-1), Now, 5, leads, 0.1, 0.1, true);

    private static DrillEntry Drill(bool passed) => new("d-1", "b-1", false, Now.AddDays(-1), Now.AddDays(-1), passed, passed ? null : "The tables differ.", 3, 1, "");

    private static ScheduleView Schedule(string outcome) =>
        new("retention", "Remove", "0 30 3 * * ?", Now.AddDays(1), new("1", "retention", ScheduleRunView.Planned, Now, Now, "rag-system", Now, Now, outcome, null), Now);

    private static IncidentSummary Incident(string severity, string state, DateTimeOffset deadline) => new(
        "INC-1a2b3c4d", "key", "It is broken", severity, state, Now.AddHours(-2), Now.AddHours(-2), deadline, state == "open" ? null : true, null, state == "open" ? null : Now, null, state == "open" ? null : "on-call-engineer", 1, 0);
}
