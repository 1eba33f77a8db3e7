using System.Text.Json;
using Dapper;
using Rag.Audit;
using Rag.Backup;
using Rag.Backup.Drills;
using Rag.Backup.OffSite;
using Rag.Foundation;
using Rag.Storage;
using Rag.Telemetry;
using Rag.Testing;

namespace Rag.Tests.Backup;

/// <summary>Drills: restored, compared, asked, and the evidence.</summary>
public sealed class DrillTests : BackupTestBase
{
    private static Task<DrillEvidence> DrillAsync(TestService service, string? id = null, bool offSite = false) => service.Get<Drill>().RunAsync(id, offSite, null, Cancel);

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task A_drill_proves_a_backup_and_its_evidence_is_on_the_audit_record(Engine engine)
    {
        var service = await StartAsync(engine);
        await FillAsync(service);
        var backup = await BackUpAsync(service);
        await service.PutAsync("later.txt", "This came after the backup.");

        var evidence = await DrillAsync(service);

        evidence.Checks.Where(c => !c.Passed).ShouldBeEmpty();
        (evidence.Passed, evidence.Problem, evidence.BackupId, evidence.Engine).ShouldBe((true, null, backup.Id, service.Get<Database>().Provider));
        evidence.Checks.Select(c => c.Name).ShouldBe(["read", "position", "writable", "tables", "counts", "sentinels", "references", "integrity", "audit", "index", "golden-questions", "sentences", "quotes"], ignoreOrder: true);
        evidence.Tables.Single(t => t.Table == "documents").Rows.ShouldBe(3);
        evidence.Questions.Golden.ShouldBe(1);
        (evidence.Questions.Alike + evidence.Questions.Found).ShouldBe(1);
        (evidence.Loss.BackupPosition, evidence.Loss.Changes).ShouldBe((backup.Position, evidence.Loss.Position - backup.Position));
        evidence.Loss.Changes.ShouldBeGreaterThan(0);
        evidence.Seconds.FirstAnswer.ShouldBeInRange(0.001, evidence.Seconds.Total);
        (await service.Get<BackupCatalog>().GetAsync(backup.Id, Cancel)).State.ShouldBe(BackupState.Drilled);
        string json = JsonSerializer.Serialize(await service.Get<DrillRecord>().GetAsync(evidence.Id, Cancel), DrillJson.Default.DrillEvidence);
        json.ShouldBe(JsonSerializer.Serialize(evidence, DrillJson.Default.DrillEvidence));
        var signed = (await service.Get<AuditQuery>().ListAsync(new(Action: "backup.drill"), Cancel)).Records.ShouldHaveSingleItem();
        signed.Resource.ShouldBe("backup:" + backup.Id);
        foreach (string said in new[] { Sha256.Hex(json), evidence.Id }) signed.Event!.Value.GetRawText().ShouldContain(said);
        (await service.Get<DrillRecord>().ListAsync(Cancel)).ShouldHaveSingleItem().Sha256.ShouldBe(Sha256.Hex(json));
        await ShouldHaveLeftNothingAsync(service, engine);
    }

    [Theory]
    [InlineData(Engine.Sqlite, Engine.Postgres)]
    [InlineData(Engine.Postgres, Engine.Sqlite)]
    public async Task A_backup_of_one_engine_is_drilled_on_the_other(Engine from, Engine to)
    {
        var service = await StartAsync(from);
        await FillAsync(service);
        var backup = await BackUpAsync(service, BackupKind.Weekly);
        var other = await StartAsync(to);
        var evidence = await DrillAsync(other, backup.Id);
        evidence.Problem.ShouldBeNull();
        (await other.Get<BackupCatalog>().GetAsync(backup.Id, Cancel)).State.ShouldBe(BackupState.Drilled);
    }

    [Fact]
    public async Task A_drill_of_a_changed_backup_does_not_pass_and_the_backup_is_damaged()
    {
        var service = await StartAsync(Engine.Sqlite);
        await FillAsync(service);
        var backup = await BackUpAsync(service);
        string part = Path.Combine(FolderOf(backup), "documents-0001.part");
        byte[] bytes = await File.ReadAllBytesAsync(part, Cancel);
        bytes[^20] ^= 1;
        await File.WriteAllBytesAsync(part, bytes, Cancel);
        var evidence = await DrillAsync(service, backup.Id);
        (evidence.Passed, evidence.Checks.Single().Name).ShouldBe((false, "read"));
        (await service.Get<BackupCatalog>().GetAsync(backup.Id, Cancel)).State.ShouldBe(BackupState.Damaged);
        (await service.Get<DrillRecord>().GetAsync(evidence.Id, Cancel)).Problem.ShouldNotBeNull();
        await ShouldHaveLeftNothingAsync(service, Engine.Sqlite);
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task What_cannot_be_put_on_the_audit_record_proves_nothing(Engine engine)
    {
        var service = await StartAsync(engine);
        await FillAsync(service);
        var backup = await BackUpAsync(service);
        await service.Get<Restorer>().VerifyAsync(backup.Id, null, Cancel);
        // The drill begins while the audit record takes it, and ends when it does not.
        var sealedOff = new Watching(p =>
        {
            if (p.Phase != "ask") return;
            using var connection = service.Get<Database>().OpenAsync(Cancel).AsTask().GetAwaiter().GetResult();
            connection.Execute("ALTER TABLE audit_records RENAME TO audit_records_away");
        });
        await Should.ThrowAsync<Exception>(service.Get<Drill>().RunAsync(backup.Id, false, sealedOff, Cancel));
        await using (var connection = await service.Get<Database>().OpenAsync(Cancel)) await connection.ExecuteAsync("ALTER TABLE audit_records_away RENAME TO audit_records");
        (await service.Get<BackupCatalog>().GetAsync(backup.Id, Cancel)).State.ShouldBe(BackupState.Verified);
        (await service.Get<DrillRecord>().ListAsync(Cancel)).ShouldBeEmpty();
        await ShouldHaveLeftNothingAsync(service, engine);
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task What_a_drill_left_whose_process_was_killed_is_removed_by_the_next(Engine engine)
    {
        var service = await StartAsync(engine);
        await FillAsync(service);
        await BackUpAsync(service);
        string left = Path.Combine(service.Get<DataDirectory>().Path, "scratch", "drill-left");
        Directory.CreateDirectory(left);
        string? schema = null;
        var killed = new Watching(p =>
        {
            if (p.Phase != "compare the tables" || engine != Engine.Postgres || schema is not null) return;
            using var connection = service.Get<Database>().OpenAsync(Cancel).AsTask().GetAwaiter().GetResult();
            // One that nobody removes any more, beside the one in use.
            schema = connection.ExecuteScalar<string>("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'rag\\_drill\\_%' LIMIT 1")![..^4] + "left";
            connection.Execute($"CREATE SCHEMA {schema}");
        });
        (await service.Get<Drill>().RunAsync(null, false, killed, Cancel)).Problem.ShouldBeNull();
        Directory.Exists(left).ShouldBeFalse();
        if (schema is not null) (await QueryAsync<long>(service, "SELECT COUNT(*) FROM pg_namespace WHERE nspname = @schema", new { schema })).ShouldBe(1);
        (await DrillAsync(service)).Passed.ShouldBeTrue();
        await ShouldHaveLeftNothingAsync(service, engine);
    }

    [Fact]
    public async Task A_drill_of_a_copy_off_site_proves_the_copy()
    {
        if (!S3Server.IsInstalled) Assert.Skip("Node and npm are not installed here.");
        await using var storage = await S3Server.StartAsync(Cancel);
        var service = await StartAsync(Engine.Sqlite, storage.Settings());
        await FillAsync(service);
        var backup = await BackUpAsync(service, BackupKind.Monthly);
        await service.Get<OffSiteCopier>().CopyAsync(backup.Id, null, Cancel);
        // What lies here is not what is drilled.
        Directory.Delete(FolderOf(backup), recursive: true);
        var evidence = await DrillAsync(service, offSite: true);
        (evidence.Problem, evidence.OffSite, evidence.BackupId).ShouldBe((null, true, backup.Id));
        evidence.Seconds.Fetch.ShouldBeGreaterThan(0);
        (await service.Get<OffSiteCopies>().FindAsync(backup.Id, Cancel))!.State.ShouldBe(BackupState.Drilled);
        await service.Get<BackupMetrics>().RefreshAsync(Cancel);
        var (made, proven) = service.Get<BackupTimes>().Times[BackupKind.Monthly];
        made.ShouldBeGreaterThanOrEqualTo(backup.CompletedAt!.Value);
        proven.ShouldBeGreaterThan(made);
        await ShouldHaveLeftNothingAsync(service, Engine.Sqlite);
    }

    [Fact]
    public async Task The_times_of_backups_are_those_that_the_record_knows()
    {
        var service = await StartAsync(Engine.Sqlite);
        await FillAsync(service);
        await service.Get<BackupMetrics>().RefreshAsync(Cancel);
        service.Get<BackupTimes>().Times.Values.ShouldAllBe(t => t.Made == DateTimeOffset.UnixEpoch && t.Proven == DateTimeOffset.UnixEpoch);
        var daily = await BackUpAsync(service);
        var weekly = await BackUpAsync(service, BackupKind.Weekly);
        foreach (var backup in new[] { daily, weekly }) await service.Get<Restorer>().VerifyAsync(backup.Id, null, Cancel);
        await service.Get<BackupMetrics>().RefreshAsync(Cancel);
        var times = service.Get<BackupTimes>().Times;
        times[BackupKind.Daily].Made.ShouldBe(daily.CompletedAt!.Value);
        times[BackupKind.Daily].Proven.ShouldBeGreaterThan(daily.CompletedAt!.Value);
        // A weekly one is proven by a drill alone.
        times[BackupKind.Weekly].ShouldBe((weekly.CompletedAt!.Value, DateTimeOffset.UnixEpoch));
        times[BackupKind.Monthly].ShouldBe((DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch));
        (await DrillAsync(service, weekly.Id)).Passed.ShouldBeTrue();
        await service.Get<BackupMetrics>().RefreshAsync(Cancel);
        service.Get<BackupTimes>().Times[BackupKind.Weekly].Proven.ShouldBeGreaterThan(weekly.CompletedAt!.Value);
    }

    private async Task ShouldHaveLeftNothingAsync(TestService service, Engine engine)
    {
        string scratch = Path.Combine(service.Get<DataDirectory>().Path, "scratch");
        if (Directory.Exists(scratch)) Directory.EnumerateFileSystemEntries(scratch).ShouldBeEmpty();
        if (engine == Engine.Postgres) (await QueryAsync<long>(service, "SELECT COUNT(*) FROM pg_namespace WHERE nspname LIKE 'rag\\_drill\\_%'")).ShouldBe(0);
    }

    private sealed class Watching(Action<BackupProgress> report) : IProgress<BackupProgress>
    {
        public void Report(BackupProgress value) => report(value);
    }
}
