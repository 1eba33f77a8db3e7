using Dapper;
using Rag.Backup;
using Rag.Backup.OffSite;
using Rag.Foundation;
using Rag.Maintenance.Retention;
using Rag.Storage;
using Rag.Storage.Leadership;
using Rag.Testing;

namespace Rag.Tests.Backup;

/// <summary>Copies on S3-compatible storage, by a server that runs.</summary>
public sealed class OffSiteTests : BackupTestBase
{
    private static async Task<S3Server> StorageAsync()
    {
        if (!S3Server.IsInstalled)
        {
            if (Environment.GetEnvironmentVariable("CI") is not null) Assert.Fail("Node and npm are not installed.");
            Assert.Skip("Node and npm are not installed here.");
        }
        return await S3Server.StartAsync(Cancel);
    }

    /// <summary>Some 18 MB that do not compress, more than three of the pieces that a file is sent in.</summary>
    private static async Task FillLargeAsync(TestService service)
    {
        byte[] random = new byte[750_000];
        for (int i = 0; i < 24; i++)
        {
            new Random(i).NextBytes(random);
            await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(
                "INSERT INTO answers (id, collection_id, created_at, outcome, body) VALUES (@id, 'none', 1, 'abstained', @body)", new { id = $"large-{i}", body = Convert.ToBase64String(random) }, tx), Cancel);
        }
    }

    private static Task<OffSiteCopy> CopyAsync(TestService service, BackupInfo backup) => service.Get<OffSiteCopier>().CopyAsync(backup.Id, null, Cancel);

    private void ShouldBeThere(S3Server storage, BackupInfo backup)
    {
        var there = storage.Objects("rag-system/" + backup.Id);
        var here = Directory.EnumerateFiles(FolderOf(backup)).ToDictionary(f => Path.GetFileName(f));
        there.Keys.Order().ShouldBe(here.Keys.Order());
        foreach (var (name, path) in there) File.ReadAllBytes(path).ShouldBe(File.ReadAllBytes(here[name]), name);
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task A_copy_is_whole_there_read_back_and_comes_back_as_a_backup_after_everything_here_is_lost(Engine engine)
    {
        await using var storage = await StorageAsync();
        var service = await StartAsync(engine, storage.Settings());
        await FillAsync(service);
        await FillLargeAsync(service);
        var backup = await BackUpAsync(service, BackupKind.Monthly);

        var copy = await CopyAsync(service, backup);

        copy.State.ShouldBe(BackupState.Verified);
        (copy.Kind, copy.StoredBytes, copy.MadeAt).ShouldBe((backup.Kind, backup.StoredBytes, backup.StartedAt));
        ShouldBeThere(storage, backup);
        var digests = await InRecordAsync(service, backup.Position);
        await DisposeServicesAsync();
        Directory.Delete(Backups, recursive: true);
        var after = await StartAsync(engine, storage.Settings());
        var found = (await after.Get<OffSiteCopier>().ListAsync(Cancel)).ShouldHaveSingleItem();
        (found.BackupId, found.State).ShouldBe((backup.Id, BackupState.Complete));
        (await after.Get<OffSiteCopier>().FetchAsync(backup.Id, null, Cancel)).State.ShouldBe(BackupState.Complete);
        await RestoreAsync(after, backup.Id);
        foreach (string table in new[] { "documents", "document_versions", "chunks", "answers" }) (await InRecordAsync(after, backup.Position))[table].ShouldBe(digests[table]);
    }

    [Fact]
    public async Task A_copy_that_was_interrupted_goes_on_where_it_stopped_and_is_never_good_before_its_end()
    {
        await using var storage = await StorageAsync();
        await using var proxy = FaultProxy.Start(storage.Port);
        var service = await StartAsync(Engine.Sqlite, storage.Settings(proxy.Port));
        await FillLargeAsync(service);
        var backup = await BackUpAsync(service);
        using var stop = new CancellationTokenSource();
        long sent = 0;
        var watch = new Watching(p =>
        {
            if (!p.Phase.StartsWith("copy answers", StringComparison.Ordinal) || (sent = p.DoneBytes) < 11_000_000) return;
            stop.Cancel();
        });
        await Should.ThrowAsync<OperationCanceledException>(service.Get<OffSiteCopier>().CopyAsync(backup.Id, watch, stop.Token));
        var interrupted = (await service.Get<OffSiteCopies>().ListAsync(Cancel)).ShouldHaveSingleItem();
        interrupted.State.ShouldBe(BackupState.Failed);
        var upload = (await service.Get<OffSiteCopies>().UploadAsync(backup.Id, Cancel)).ShouldNotBeNull();
        upload.Pieces.Count.ShouldBeGreaterThanOrEqualTo(2);
        storage.Objects("rag-system/" + backup.Id).Keys.ShouldNotContain("manifest.json");
        var early = storage.Objects("rag-system/" + backup.Id).ToDictionary(f => f.Key, f => File.GetLastWriteTimeUtc(f.Value));

        (await CopyAsync(service, backup)).State.ShouldBe(BackupState.Verified);

        ShouldBeThere(storage, backup);
        // What was whole was not sent again.
        foreach (var (name, at) in early) File.GetLastWriteTimeUtc(storage.Objects("rag-system/" + backup.Id)[name]).ShouldBe(at, name);
    }

    [Fact]
    public async Task An_upload_that_the_storage_can_end_no_more_is_let_go_and_begun_anew()
    {
        await using var storage = await StorageAsync();
        var service = await StartAsync(Engine.Sqlite, storage.Settings());
        await FillLargeAsync(service);
        var backup = await BackUpAsync(service);
        int broken = 0;
        var watch = new Watching(p =>
        {
            if (broken > 0 || !p.Phase.StartsWith("copy answers", StringComparison.Ordinal) || p.DoneBytes < 11_000_000) return;
            // It knows the upload, takes its pieces, and has lost what it is the upload of.
            foreach (string key in Directory.GetFiles(storage.Folder, "key", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }))
            {
                File.Delete(key);
                broken++;
            }
        });
        (await service.Get<OffSiteCopier>().CopyAsync(backup.Id, watch, Cancel)).State.ShouldBe(BackupState.Verified);
        broken.ShouldBe(1);
        ShouldBeThere(storage, backup);
    }

    [Fact]
    public async Task Bits_that_change_on_the_way_are_found_and_sent_again_and_what_changes_there_is_found_later()
    {
        await using var storage = await StorageAsync();
        await using var proxy = FaultProxy.Start(storage.Port);
        var service = await StartAsync(Engine.Sqlite, storage.Settings(proxy.Port));
        await FillLargeAsync(service);
        var backup = await BackUpAsync(service);
        // While it is sent, one bit in some megabytes is another.
        proxy.FlipEveryBlocks = 400;
        var watch = new Watching(p =>
        {
            if (p.Phase.StartsWith("read back", StringComparison.Ordinal)) proxy.FlipEveryBlocks = 0;
        });
        (await service.Get<OffSiteCopier>().CopyAsync(backup.Id, watch, Cancel)).State.ShouldBe(BackupState.Verified);
        ShouldBeThere(storage, backup);

        string part = storage.Objects("rag-system/" + backup.Id).First(f => f.Key.StartsWith("answers", StringComparison.Ordinal)).Value;
        byte[] bytes = await File.ReadAllBytesAsync(part, Cancel);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(part, bytes, Cancel);
        (await Should.ThrowAsync<RagException>(service.Get<OffSiteCopier>().VerifyAsync(backup.Id, null, Cancel))).Kind.ShouldBe(ErrorKind.Invalid);
        (await service.Get<OffSiteCopies>().FindAsync(backup.Id, Cancel))!.State.ShouldBe(BackupState.Damaged);
        // Copying it again mends it.
        (await CopyAsync(service, backup)).State.ShouldBe(BackupState.Verified);
        ShouldBeThere(storage, backup);
    }

    [Fact]
    public async Task A_server_in_trouble_that_ends_connections_is_asked_until_it_answers_and_one_that_is_gone_is_named_with_its_remedy()
    {
        await using var storage = await StorageAsync();
        await using var proxy = FaultProxy.Start(storage.Port);
        var service = await StartAsync(Engine.Sqlite, storage.Settings(proxy.Port));
        await FillLargeAsync(service);
        var backup = await BackUpAsync(service);
        using var done = new CancellationTokenSource();
        var trouble = Task.Run(async () =>
        {
            // For a while, not for ever: on a slow machine a piece may need longer than the server is up in between.
            for (int round = 0; round < 6 && !done.IsCancellationRequested; round++)
            {
                proxy.ServerError();
                await Task.Delay(150, Cancel);
                proxy.Up();
                await Task.Delay(400, Cancel);
                proxy.Cut();
                await Task.Delay(400, Cancel);
            }
            proxy.Up();
        }, Cancel);
        (await CopyAsync(service, backup)).State.ShouldBe(BackupState.Verified);
        await done.CancelAsync();
        await trouble;
        ShouldBeThere(storage, backup);

        var second = await BackUpAsync(service);
        proxy.Down();
        var gone = await Should.ThrowAsync<RagException>(CopyAsync(service, second));
        (gone.Kind, gone.Remedy).ShouldBe((ErrorKind.Unavailable, "Check the network and Backup:OffSite; what was copied is kept, and the copy goes on where it stopped when it is asked for again."));
        (await service.Get<OffSiteCopies>().FindAsync(second.Id, Cancel))!.State.ShouldBe(BackupState.Failed);
    }

    [Fact]
    public async Task Another_backup_in_the_place_of_a_copy_is_found_out()
    {
        await using var storage = await StorageAsync();
        var service = await StartAsync(Engine.Sqlite, storage.Settings());
        await FillAsync(service);
        var first = await BackUpAsync(service);
        await service.PutAsync("later.txt", "This came later.");
        var second = await BackUpAsync(service);
        foreach (var backup in new[] { first, second }) await CopyAsync(service, backup);
        string folder = Path.Combine(storage.Folder, S3Server.Bucket, "rag-system");
        Directory.Delete(Path.Combine(folder, second.Id), recursive: true);
        Directory.Move(Path.Combine(folder, first.Id), Path.Combine(folder, second.Id));
        (await Should.ThrowAsync<RagException>(service.Get<OffSiteCopier>().VerifyAsync(second.Id, null, Cancel))).Message.ShouldContain("not the one of this backup");
        await Should.ThrowAsync<RagException>(service.Get<OffSiteCopier>().VerifyAsync(first.Id, null, Cancel));
        (await service.Get<OffSiteCopies>().ListAsync(Cancel)).ShouldAllBe(c => c.State == BackupState.Damaged);
    }

    [Fact]
    public async Task Old_copies_are_removed_by_the_policy_and_the_newest_that_was_read_back_never()
    {
        await using var storage = await StorageAsync();
        var service = await StartAsync(Engine.Sqlite, storage.Settings());
        await FillAsync(service);
        var backups = new List<BackupInfo>();
        for (int i = 0; i < 3; i++)
        {
            backups.Add(await BackUpAsync(service, BackupKind.Monthly));
            await CopyAsync(service, backups[^1]);
        }
        // The newest is found damaged: of those that are good the second is then the newest.
        File.Delete(storage.Objects("rag-system/" + backups[2].Id)["documents-0001.part"]);
        await Should.ThrowAsync<RagException>(service.Get<OffSiteCopier>().VerifyAsync(backups[2].Id, null, Cancel));
        await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync("UPDATE off_site_copies SET made_at = made_at - 63072000000000", transaction: tx), Cancel);
        var rule = service.Get<IEnumerable<IRetentionRule>>().Single(r => r.Name == "off-site-copies");
        (await rule.LookAsync(RetentionHolds.None, Cancel)).Due.ShouldBe(2);
        var term = await LeadAsync(service);
        var said = new List<string>();
        while (await rule.RemoveAsync(term, RetentionHolds.None, 10, (_, p) =>
        {
            said.Add(p.Why);
            return Task.CompletedTask;
        }, Cancel) > 0)
        {
        }
        said.Count.ShouldBe(2);
        (await service.Get<OffSiteCopies>().ListAsync(Cancel)).ShouldHaveSingleItem().BackupId.ShouldBe(backups[1].Id);
        storage.Objects("rag-system").Keys.Select(f => f.Split('/')[0]).Distinct().ShouldBe([backups[1].Id]);
        ShouldBeThere(storage, backups[1]);
    }

    [Fact]
    public async Task Without_a_place_off_site_a_copy_is_refused_with_what_to_do()
    {
        var service = await StartAsync(Engine.Sqlite);
        await FillAsync(service);
        var none = await Should.ThrowAsync<RagException>(CopyAsync(service, await BackUpAsync(service)));
        (none.Kind, none.Remedy).ShouldBe((ErrorKind.Unsupported, "Name S3-compatible storage in Backup:OffSite: Endpoint, Bucket, AccessKeyFile and SecretKeyFile."));
    }

    private static async Task<LeaderTerm> LeadAsync(TestService service)
    {
        var leader = service.Get<Leader>();
        while (leader.Term is null) await Task.Delay(20, Cancel);
        return leader.Term;
    }

    private sealed class Watching(Action<BackupProgress> report) : IProgress<BackupProgress>
    {
        public void Report(BackupProgress value) => report(value);
    }
}
