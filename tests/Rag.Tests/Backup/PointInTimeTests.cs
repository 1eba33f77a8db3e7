using System.Globalization;
using Rag.Backup;
using Rag.Foundation;
using Rag.Storage;
using Rag.Testing;

namespace Rag.Tests.Backup;

/// <summary>Going back to a point between backups, with a real pgBackRest.</summary>
public sealed class PointInTimeTests : BackupTestBase
{
    [Fact]
    public async Task Without_a_log_of_the_engine_it_says_what_to_restore_instead()
    {
        var service = await StartAsync(Engine.Sqlite);
        var refused = await Should.ThrowAsync<RagException>(service.Get<PointInTime>().RestoreAsync(DateTimeOffset.UnixEpoch, RestoreInto.Running, null, Cancel));
        refused.Kind.ShouldBe(ErrorKind.Unsupported);
        refused.Remedy.ShouldContain("Backup:PgBackRest:Stanza");
    }

    [Fact]
    public async Task The_record_becomes_as_it_was_at_a_time_that_no_backup_was_made_at()
    {
        TestRecord.RequirePostgres();
        if (ChildServer.Find("pgbackrest") is not { } pgBackRest)
        {
            if (Environment.GetEnvironmentVariable("CI") == "true") throw new InvalidOperationException("pgBackRest is not installed.");
            Assert.Skip("pgBackRest is not installed; './test' installs it.");
            return;
        }
        string place = Directory.CreateTempSubdirectory("rag-pitr-").FullName, config = Path.Combine(place, "pgbackrest.conf"), data = Path.Combine(place, "server");
        Directory.CreateDirectory(data);
        string? account = Environment.IsPrivilegedProcess ? "postgres" : null;
        if (account is not null) await ChildServer.RunAsync("chown", ["-R", account, place], Cancel);
        await using var postgres = await PostgresServer.StartAsync(
            Cancel, ["archive_mode=on", "wal_level=replica", $"archive_command={pgBackRest} --config={config} --stanza=main archive-push %p", $"unix_socket_directories={place}"], data);
        await File.WriteAllTextAsync(config, string.Create(CultureInfo.InvariantCulture, $"""
            [global]
            repo1-path={place}/repo
            log-path={place}/log
            lock-path={place}/lock
            spool-path={place}/spool
            start-fast=y
            [main]
            pg1-path={data}/data
            pg1-port={postgres.Port}
            pg1-socket-path={place}

            """), Cancel);
        try
        {
            foreach (string command in new[] { "stanza-create", "backup" }) await ChildServer.RunAsync(pgBackRest, ["--config=" + config, "--stanza=main", command], Cancel, account);
            var service = await StartOnAsync(await postgres.CreateDatabaseAsync(Cancel), ("Backup:PgBackRest:Stanza", "main"), ("Backup:PgBackRest:ConfigFile", config));
            await FillAsync(service);
            var before = await InRecordAsync(service);
            await Task.Delay(50, Cancel);
            var point = TimeProvider.System.GetUtcNow();
            await Task.Delay(50, Cancel);
            await service.DeleteAsync("travel.txt");
            await service.PutAsync("later.txt", "This came after the point in time.");
            await postgres.ExecuteAsync("SELECT pg_switch_wal()", Cancel);

            var result = await service.Get<PointInTime>().RestoreAsync(point, RestoreInto.Running, null, Cancel);

            result.Documents.ShouldBe(3);
            var after = await InRecordAsync(service);
            foreach (string table in new[] { "collections", "documents", "document_versions", "chunks" }) after[table].ShouldBe(before[table], table);
            (await service.Get<BackupCatalog>().ListAsync(Cancel)).ShouldHaveSingleItem().Kind.ShouldBe(BackupKind.Point);
            Directory.EnumerateDirectories(Path.GetTempPath(), "rag-point-*").ShouldBeEmpty();

            // A time that the log does not reach is refused, and nothing is touched.
            await Should.ThrowAsync<RagException>(service.Get<PointInTime>().RestoreAsync(TimeProvider.System.GetUtcNow() - TimeSpan.FromDays(30), RestoreInto.Running, null, Cancel));
            (await InRecordAsync(service))["documents"].ShouldBe(after["documents"]);
        }
        finally
        {
            await DisposeServicesAsync();
            await postgres.DisposeAsync();
            Directory.Delete(place, recursive: true);
        }
    }
}
