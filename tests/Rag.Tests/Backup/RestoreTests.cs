using Rag.Access;
using Rag.Audit;
using Rag.Backup;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;
using Rag.Storage;

namespace Rag.Tests.Backup;

/// <summary>What a restore puts back, and what it leaves as it is.</summary>
public sealed class RestoreTests : BackupTestBase
{
    [Theory]
    [InlineData(Engine.Sqlite, Engine.Sqlite)]
    [InlineData(Engine.Sqlite, Engine.Postgres)]
    [InlineData(Engine.Postgres, Engine.Sqlite)]
    [InlineData(Engine.Postgres, Engine.Postgres)]
    public async Task A_backup_put_into_an_empty_record_gives_the_same_tables_on_either_engine(Engine from, Engine to)
    {
        var source = await StartAsync(from);
        await FillAsync(source);
        var backup = await BackUpAsync(source);
        var target = await StartAsync(to);

        var result = await RestoreAsync(target, backup.Id);

        var expected = await InBackupAsync(source, backup.Id);
        expected["documents"].Rows.ShouldBe(3);
        expected["document_versions"].Rows.ShouldBe(4);
        expected["answers"].Rows.ShouldBe(1);
        var restored = await InRecordAsync(target, backup.Position);
        foreach (var (table, count) in expected)
            // Of the audit record the backup's is there, and behind it that it was put back.
            if (!table.StartsWith("audit_", StringComparison.Ordinal) && table != "access_version") restored[table].ShouldBe(count, table);
        result.Documents.ShouldBe(3);
        (await target.SearchAsync("centrifuge", RetrievalMode.Lexical, collection: "lab")).ShouldHaveSingleItem().Chunk.Uri.ShouldBe("lab.txt");
        (await target.AskAsync("How long is the notice period?")).Text.ShouldContain("six weeks");
        // What is written from here on collides with nothing.
        (await target.PutAsync("leave.txt", "The notice period is eight weeks.")).Version.ShouldBe(3);
        (await target.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task A_record_in_use_becomes_as_in_the_backup_and_its_audit_record_and_change_log_go_on(Engine engine)
    {
        var service = await StartAsync(engine);
        await FillAsync(service);
        var before = await InRecordAsync(service);
        var backup = await BackUpAsync(service);
        await service.PutAsync("leave.txt", "The notice period is a year.");
        await service.PutAsync("later.txt", "This came after the backup.");
        await service.DeleteAsync("travel.txt");
        await service.PutAsync("new.txt", "A whole new collection.", "newer");
        long records = await QueryAsync<long>(service, "SELECT COUNT(*) FROM audit_records"), seq = await service.Get<ChangeLog>().LastAsync(Cancel);

        var result = await RestoreAsync(service, backup.Id, RestoreInto.Running);

        var after = await InRecordAsync(service);
        foreach (string table in new[] { "collections", "documents", "document_versions", "chunks", "answers" }) after[table].ShouldBe(before[table], table);
        (await QueryAsync<long>(service, "SELECT COUNT(*) FROM audit_records")).ShouldBeGreaterThan(records);
        result.Position.ShouldBeGreaterThan(seq);
        (await service.SearchAsync("backup", RetrievalMode.Lexical)).ShouldBeEmpty();
        (await service.SearchAsync("train", RetrievalMode.Lexical)).ShouldHaveSingleItem().Chunk.Uri.ShouldBe("travel.txt");
        (await service.AskAsync("How long is the notice period?")).Text.ShouldContain("six weeks");
        (await service.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task A_record_with_documents_is_not_taken_for_an_empty_one(Engine engine)
    {
        var service = await StartAsync(engine);
        await FillAsync(service);
        var backup = await BackUpAsync(service);
        var before = await InRecordAsync(service);

        var refused = await Should.ThrowAsync<RagException>(RestoreAsync(service, backup.Id));

        refused.Kind.ShouldBe(ErrorKind.Conflict);
        refused.Remedy.ShouldContain("--into running");
        (await InRecordAsync(service))["documents"].ShouldBe(before["documents"]);
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task One_collection_comes_back_and_the_others_stay_as_they_are(Engine engine)
    {
        var service = await StartAsync(engine);
        await FillAsync(service);
        var backup = await BackUpAsync(service);
        await service.PutAsync("lab.txt", "The centrifuge is never cleaned.", "lab");
        await service.Get<Collections>().DeleteAsync(Collections.Default, Cancel);
        await service.SettleAsync();

        var result = await RestoreAsync(service, backup.Id, RestoreInto.Running, Collections.Default);

        result.Documents.ShouldBe(2);
        (await UrisAsync(service)).ShouldBe(["leave.txt", "travel.txt"]);
        var leave = (await service.Get<DocumentRecord>().ListAsync((await service.CollectionAsync()).Id, "", "leave", 1, ReadScope.Everything, Cancel)).ShouldHaveSingleItem();
        leave.Version.ShouldBe(2);
        (await service.Get<DocumentRecord>().TextAsync(leave.Id, 1, Cancel)).ShouldNotBeNull().ShouldContain("four weeks");
        (await service.SearchAsync("train", RetrievalMode.Lexical)).ShouldHaveSingleItem();
        (await service.SearchAsync("centrifuge", RetrievalMode.Lexical, collection: "lab")).ShouldHaveSingleItem().Chunk.Text.ShouldContain("never");
        (await service.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task A_document_that_was_overwritten_gets_a_new_version_with_the_old_content(Engine engine)
    {
        var service = await StartAsync(engine);
        await FillAsync(service);
        var backup = await BackUpAsync(service);
        await service.PutAsync("leave.txt", "Nobody may ever leave.");
        await service.PutAsync("later.txt", "This came after the backup.");

        var result = await RestoreAsync(service, backup.Id, RestoreInto.Running, Collections.Default, "leave.txt");

        (result.Documents, result.Unchanged).ShouldBe((1, 0));
        var leave = (await service.Get<DocumentRecord>().ListAsync((await service.CollectionAsync()).Id, "", "leave", 1, ReadScope.Everything, Cancel)).ShouldHaveSingleItem();
        leave.Version.ShouldBe(4);
        (await service.Get<DocumentRecord>().TextAsync(leave.Id, 4, Cancel)).ShouldNotBeNull().ShouldContain("six weeks");
        (await service.Get<DocumentRecord>().TextAsync(leave.Id, 3, Cancel)).ShouldNotBeNull().ShouldContain("ever leave");
        (await UrisAsync(service)).ShouldContain("later.txt");
        (await service.AskAsync("How long is the notice period?")).Text.ShouldContain("six weeks");
        (await service.Get<IndexVerifier>().VerifyAsync(Cancel)).Clean.ShouldBeTrue();

        (await RestoreAsync(service, backup.Id, RestoreInto.Running, Collections.Default, leave.Id)).Unchanged.ShouldBe(1);
        (await Should.ThrowAsync<RagException>(RestoreAsync(service, backup.Id, RestoreInto.Running, Collections.Default, "none.txt"))).Kind.ShouldBe(ErrorKind.NotFound);
        (await Should.ThrowAsync<RagException>(RestoreAsync(service, backup.Id, RestoreInto.Running, "none"))).Kind.ShouldBe(ErrorKind.NotFound);
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task A_damaged_backup_is_refused_before_anything_is_touched_and_listed_as_damaged(Engine engine)
    {
        var service = await StartAsync(engine);
        await FillAsync(service);
        var backup = await BackUpAsync(service);
        string part = Directory.EnumerateFiles(FolderOf(backup), "chunks-*.part").Single();
        byte[] bytes = await File.ReadAllBytesAsync(part, Cancel);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(part, bytes, Cancel);
        var before = await InRecordAsync(service);

        (await Should.ThrowAsync<RagException>(RestoreAsync(service, backup.Id, RestoreInto.Running))).Kind.ShouldBe(ErrorKind.Invalid);

        var after = await InRecordAsync(service);
        foreach (string table in new[] { "documents", "chunks", "change_log", "answers" }) after[table].ShouldBe(before[table], table);
        (await service.Get<BackupCatalog>().GetAsync(backup.Id, Cancel)).State.ShouldBe(BackupState.Damaged);
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task Keys_of_an_empty_record_are_added_to_and_those_of_one_in_use_stay_as_they_are(Engine engine)
    {
        var source = await StartAsync(engine);
        var first = await source.Get<ApiKeys>().CreateAsync(new("first", ["reader"]), Cancel);
        var backup = await BackUpAsync(source);
        var later = await source.Get<ApiKeys>().CreateAsync(new("later", ["admin"]), Cancel);
        await source.Get<ApiKeys>().RevokeAsync(first.Key.Id, Cancel);

        await RestoreAsync(source, backup.Id, RestoreInto.Running);

        (await source.Get<ApiKeys>().ListAsync(Cancel)).Select(k => (k.Name, Revoked: k.RevokedAt is not null)).Order().ShouldBe([("first", true), ("later", false)]);

        var target = await StartAsync(engine);
        var own = await target.Get<ApiKeys>().CreateAsync(new("own", ["admin"]), Cancel);
        await RestoreAsync(target, backup.Id);

        (await target.Get<ApiKeys>().ListAsync(Cancel)).Select(k => (k.Name, Revoked: k.RevokedAt is not null)).Order().ShouldBe([("first", false), ("own", false)]);
        // The replica that went on running knows the key, too.
        await target.Get<AccessDirectory>().RefreshAsync(Cancel);
        target.Get<AccessDirectory>().Current.Keys.Keys.ShouldContain(first.Key.Id);
        target.Get<AccessDirectory>().Current.Keys.Keys.ShouldContain(own.Key.Id);
        later.Key.Id.ShouldNotBe(own.Key.Id);
    }

    [Fact]
    public async Task Another_audit_key_than_the_backups_is_found_out_before_anything_is_touched()
    {
        var source = await StartAsync(Engine.Sqlite);
        await FillAsync(source);
        var backup = await BackUpAsync(source);
        string other = Path.Combine(Folder, "other-audit.pem");
        AuditKeys.Create(other);
        var target = await StartAsync(Engine.Sqlite, ("Audit:KeyFile", other));

        var refused = await Should.ThrowAsync<RagException>(RestoreAsync(target, backup.Id));

        refused.Message.ShouldContain("another audit key");
        (await InRecordAsync(target))["documents"].Rows.ShouldBe(0);
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task Who_restored_what_is_on_the_audit_record(Engine engine)
    {
        var service = await StartAsync(engine);
        await FillAsync(service);
        var backup = await BackUpAsync(service);

        await RestoreAsync(service, backup.Id, RestoreInto.Running);

        foreach (string action in new[] { "backup.create", "backup.complete", "backup.verify", "backup.restore", "backup.restored" })
            (await QueryAsync<long>(service, "SELECT COUNT(*) FROM audit_records WHERE action = @action AND resource = @resource", new { action, resource = "backup:" + backup.Id })).ShouldBe(1, action);
    }
}
