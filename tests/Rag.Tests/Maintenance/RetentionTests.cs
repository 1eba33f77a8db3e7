using CsCheck;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Rag.Foundation;
using Rag.Maintenance.Retention;
using Rag.Maintenance.Schedules;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Tests.Maintenance;

public sealed class RetentionOnSqlite() : RetentionTests(Engine.Sqlite);

public sealed class RetentionOnPostgres() : RetentionTests(Engine.Postgres);

public abstract class RetentionTests(Engine engine)
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_older_than_its_time_goes_to_the_microsecond_and_is_said_with_its_reason()
    {
        var time = new FakeTimeProvider(Noon);
        await using var service = await StartAsync(time, new() { ["Answering:KeepDays"] = "30" });
        long edge = Clock.ToMicroseconds(Noon.AddDays(-30));
        await AnswersAsync(service, edge - 1, edge, edge + 1);
        var before = (await service.Get<RetentionKeeper>().StatusAsync(Cancel)).Rules.Single(r => r.Rule == "provenance");
        (before.Kept, before.Due, before.Oldest).ShouldBe((3, 1, Clock.FromMicroseconds(edge - 1)));
        (await RunAsync(service)).ShouldBe("Removed 1 of provenance.");
        (await TimesAsync(service)).ShouldBe([edge, edge + 1]);
        var status = await service.Get<RetentionKeeper>().StatusAsync(Cancel);
        var removed = status.Deletions.ShouldHaveSingleItem();
        (removed.Rule, removed.Deleted, removed.Oldest, removed.Why).ShouldBe(("provenance", 1, Clock.FromMicroseconds(edge - 1), "Records of where answers came from are kept for 30d."));
        (status.Rules.Single(r => r.Rule == "provenance").RemovedLastYear).ShouldBe(1);
        (await RunAsync(service)).ShouldBe("Nothing was due.");
        (await service.Get<Database>().CountAsync("SELECT COUNT(*) FROM audit_records WHERE action IN ('retention.start', 'retention.end')")).ShouldBe(4);
    }

    [Fact]
    public async Task Without_a_time_provenance_is_kept_for_good()
    {
        var time = new FakeTimeProvider(Noon);
        await using var service = await StartAsync(time);
        await AnswersAsync(service, 0, 1);
        (await RunAsync(service)).ShouldBe("Nothing was due.");
        (await TimesAsync(service)).Count.ShouldBe(2);
        (await service.Get<RetentionKeeper>().StatusAsync(Cancel)).Rules.Single(r => r.Rule == "provenance").Policy.ShouldEndWith("are kept for good.");
    }

    [Theory]
    [InlineData("provenance")]
    [InlineData("all")]
    public async Task A_hold_keeps_what_is_of_its_time_until_it_is_released(string rule)
    {
        var time = new FakeTimeProvider(Noon);
        await using var service = await StartAsync(time, new() { ["Answering:KeepDays"] = "30" });
        long day(int ago) => Clock.ToMicroseconds(Noon.AddDays(-ago));
        await AnswersAsync(service, day(50), day(45), day(40), day(35), day(1));
        var desk = service.Get<RetentionHoldDesk>();
        var hold = await desk.PlaceAsync(new(rule, "A case", Noon.AddDays(-45), Noon.AddDays(-40)), Cancel);
        var other = await desk.PlaceAsync(new("logs", "Another case"), Cancel);
        var look = (await service.Get<RetentionKeeper>().StatusAsync(Cancel)).Rules.Single(r => r.Rule == "provenance");
        (look.Due, look.Held).ShouldBe((2, 2));
        await RunAsync(service);
        (await TimesAsync(service)).ShouldBe([day(45), day(40), day(1)]);
        await desk.ReleaseAsync(hold.Id, Cancel);
        await RunAsync(service);
        (await TimesAsync(service)).ShouldBe([day(1)]);
        (await Should.ThrowAsync<RagException>(() => desk.ReleaseAsync(hold.Id, Cancel))).Kind.ShouldBe(ErrorKind.NotFound);
        (await Should.ThrowAsync<RagException>(() => desk.PlaceAsync(new("none", "x"), Cancel))).Kind.ShouldBe(ErrorKind.NotFound);
        (await Should.ThrowAsync<RagException>(() => desk.PlaceAsync(new("all", ""), Cancel))).Kind.ShouldBe(ErrorKind.Invalid);
        (await desk.ListAsync(Cancel)).Select(h => h.Id).ShouldBe([other.Id, hold.Id]);
    }

    [Fact]
    public async Task Cut_short_a_run_leaves_each_piece_whole_with_its_note_and_the_next_goes_on()
    {
        var time = new FakeTimeProvider(Noon);
        await using var service = await StartAsync(time, new() { ["Answering:KeepDays"] = "30" });
        await AnswersAsync(service, [.. Enumerable.Range(0, 250).Select(n => (long)n)]);
        var rule = service.Services.GetServices<IRetentionRule>().Single(r => r.Name == "provenance");
        var term = service.Get<Leader>().Term!;
        int pieces = 0;
        await Should.ThrowAsync<InvalidOperationException>(async () =>
        {
            while (await rule.RemoveAsync(term, RetentionHolds.None, 100, (_, _) => ++pieces == 2 ? throw new InvalidOperationException() : Task.CompletedTask, Cancel) > 0) { }
        });
        (await TimesAsync(service)).Count.ShouldBe(150);
        await RunAsync(service);
        (await TimesAsync(service)).ShouldBeEmpty();
        (await service.Get<RetentionKeeper>().StatusAsync(Cancel)).Deletions.Sum(d => d.Deleted).ShouldBe(150);
    }

    [Fact]
    public async Task A_rule_that_fails_is_said_and_the_others_do_their_work()
    {
        var time = new FakeTimeProvider(Noon);
        await using var service = await StartAsync(time, new() { ["Answering:KeepDays"] = "30" }, s => s.AddSingleton<IRetentionRule>(new Broken()));
        await AnswersAsync(service, 0);
        var failed = await Should.ThrowAsync<RagException>(() => RunAsync(service));
        failed.Message.ShouldBe("Removed 1 of provenance. broken: The tape is torn.");
        (await TimesAsync(service)).ShouldBeEmpty();
        (await service.Get<RetentionKeeper>().StatusAsync(Cancel)).Rules.Single(r => r.Rule == "broken").Problem.ShouldBe("The tape is torn.");
    }

    [Fact]
    public async Task Log_files_that_were_written_last_long_ago_go_and_nothing_else_of_the_folder()
    {
        string folder = Directory.CreateTempSubdirectory("rag-logs-").FullName;
        try
        {
            var time = new FakeTimeProvider(Noon);
            foreach (var (name, days) in new[] { ("replica.log", 0), ("replica.log.1", 29), ("replica.log.2", 31), ("replica.log.3.gz", 400), ("notes.txt", 400) })
            {
                await File.WriteAllTextAsync(Path.Combine(folder, name), "x", Cancel);
                File.SetLastWriteTimeUtc(Path.Combine(folder, name), Noon.AddDays(-days).UtcDateTime);
            }
            Directory.CreateDirectory(Path.Combine(folder, "old.log"));
            await using var service = await StartAsync(time, new() { ["Maintenance:Retention:LogDirectory"] = folder });
            (await RunAsync(service)).ShouldBe("Removed 2 of logs.");
            Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal).ShouldBe(["notes.txt", "old.log", "replica.log", "replica.log.1"]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed class Broken : IRetentionRule
    {
        public string Name => "broken";

        public string Policy => "Broken.";

        public Task<RetentionLook> LookAsync(RetentionHolds holds, CancellationToken ct) => throw new IOException("The tape is torn.");

        public Task<long> RemoveAsync(LeaderTerm term, RetentionHolds holds, int limit, Func<System.Data.Common.DbTransaction, RetentionPiece, Task> note, CancellationToken ct) => throw new IOException("The tape is torn.");
    }

    private async Task<TestService> StartAsync(TimeProvider time, Dictionary<string, string?>? settings = null, Action<IServiceCollection>? also = null)
    {
        var service = await TestService.StartAsync(engine: engine, time: time, settings: settings, also: also);
        await service.Get<Leader>().RenewAsync(Cancel);
        return service;
    }

    private static async Task<string> RunAsync(TestService service)
    {
        await service.Get<Leader>().RenewAsync(Cancel);
        return await service.Get<RetentionKeeper>().RunAsync(new ScheduledRun(Ids.New(TimeProvider.System), service.Get<Leader>().Term!), Cancel);
    }

    private static Task AnswersAsync(TestService service, params long[] times) => service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(
        "INSERT INTO answers (id, collection_id, created_at, outcome, body) VALUES (@id, 'c', @at, 'answered', '{}')", times.Select(at => new { id = Guid.NewGuid().ToString(), at }), tx), Cancel);

    private static async Task<IReadOnlyList<long>> TimesAsync(TestService service)
    {
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        return (await connection.QueryAsync<long>("SELECT created_at FROM answers ORDER BY created_at")).AsList();
    }
}

public sealed class BackupThinningTests
{
    private static readonly DateTimeOffset Start = new(2024, 1, 1, 1, 0, 0, TimeSpan.Zero);
    private static readonly BackupThinning Policy = new(14, 92, 365);

    /// <summary>Days on which a backup was made, of which kind, and how it fared.</summary>
    private static readonly Gen<List<KeptBackup>> Backups =
        Gen.Select(Gen.Int[0, 1200], Gen.Bool.Select(weekly => weekly ? "weekly" : "daily"), Gen.Int[0, 9], Gen.Bool, (day, kind, fared, proven) => (day, kind, fared, proven)).List[0, 120]
            .Select(l => l.Select((b, n) => new KeptBackup($"{n:D4}", b.kind, Start.AddDays(b.day), b.fared > 0, b.proven)).ToList());

    [Fact]
    public void The_newest_and_the_newest_proven_of_each_kind_always_stay() => Backups.Sample(backups =>
    {
        var kept = Policy.Decide(backups, Start.AddDays(3000)).Where(d => d.Keep).Select(d => d.Backup).ToHashSet();
        foreach (var kind in backups.Where(b => b.Whole).GroupBy(b => b.Kind))
        {
            kept.ShouldContain(kind.OrderBy(b => b.At).ThenBy(b => b.Id, StringComparer.Ordinal).Last());
            if (kind.Where(b => b.Proven).OrderBy(b => b.At).ThenBy(b => b.Id, StringComparer.Ordinal).LastOrDefault() is { } proven) kept.ShouldContain(proven);
        }
    });

    [Fact]
    public void Within_the_days_of_all_nothing_is_due_and_past_the_whole_period_only_what_always_stays_is_kept() => Backups.Sample(backups =>
    {
        var now = Start.AddDays(1200);
        foreach (var d in Policy.Decide(backups, now))
        {
            double age = (now - d.Backup.At).TotalDays;
            if (age <= 14) d.Keep.ShouldBeTrue();
            if (age > 365 && d.Keep) d.Why.ShouldStartWith("It is the newest of its kind");
        }
    });

    [Fact]
    public void Removing_what_is_due_and_deciding_again_removes_nothing_more() => Backups.Sample(backups =>
    {
        var now = Start.AddDays(1200);
        var once = Policy.Decide(backups, now).Where(d => d.Keep).Select(d => d.Backup).ToList();
        Policy.Decide(once, now).ShouldAllBe(d => d.Keep);
    });

    [Fact]
    public void Every_week_and_month_of_the_period_that_had_a_whole_backup_still_has_one()
    {
        var backups = Enumerable.Range(0, 800).Select(day => new KeptBackup($"{day:D4}", "daily", Start.AddDays(day), true, day % 3 == 0)).ToList();
        var stay = backups.Take(0).ToList();
        // Day by day, as it is run: what went on one day is not there on the next.
        for (int day = 0; day < 800; day++) stay = [.. Policy.Decide(stay.Append(backups[day]), Start.AddDays(day).AddHours(2)).Where(d => d.Keep).Select(d => d.Backup)];
        var now = Start.AddDays(799);
        for (int ago = 15; ago < 90; ago++) stay.Any(b => SameWeek(b.At, now.AddDays(-ago))).ShouldBeTrue();
        for (int ago = 95; ago < 330; ago++) stay.Any(b => (b.At.Year, b.At.Month) == (now.AddDays(-ago).Year, now.AddDays(-ago).Month)).ShouldBeTrue();
        stay.Count.ShouldBeInRange(14 + 10, 14 + 14 + 13);

        static bool SameWeek(DateTimeOffset a, DateTimeOffset b) => System.Globalization.ISOWeek.ToDateTime(System.Globalization.ISOWeek.GetYear(a.DateTime), System.Globalization.ISOWeek.GetWeekOfYear(a.DateTime), DayOfWeek.Monday)
            == System.Globalization.ISOWeek.ToDateTime(System.Globalization.ISOWeek.GetYear(b.DateTime), System.Globalization.ISOWeek.GetWeekOfYear(b.DateTime), DayOfWeek.Monday);
    }
}
