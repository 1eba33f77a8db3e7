using System.Text;
using CsCheck;
using Dapper;
using Rag.Backup;
using Rag.Backup.Drills;
using Rag.Foundation;
using Rag.Storage;
using Rag.Testing;

namespace Rag.Tests.Backup;

/// <summary>How backups are made, kept and read.</summary>
public sealed class BackupTests : BackupTestBase
{
    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task What_is_written_meanwhile_is_not_in_it_or_in_it_whole(Engine engine)
    {
        var service = await StartAsync(engine);
        await FillAsync(service);
        using var stop = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            for (int n = 0; !stop.IsCancellationRequested; n++) await service.TryPutAsync($"doc-{n % 7}.txt", $"This is text number {n}.");
        }, Cancel);
        var backups = new List<BackupInfo>();
        for (int i = 0; i < 3; i++) backups.Add(await BackUpAsync(service));
        await stop.CancelAsync();
        await writing;
        foreach (var backup in backups)
        {
            var target = await StartAsync(Engine.Sqlite);
            await RestoreAsync(target, backup.Id);
            (await QueryAsync<long>(target, "SELECT COUNT(*) FROM documents d WHERE NOT EXISTS (SELECT 1 FROM document_versions v WHERE v.no = d.version_no AND v.document_id = d.id AND v.version = d.version)")).ShouldBe(0);
            (await QueryAsync<long>(target, "SELECT COUNT(*) FROM documents d WHERE chunk_count <> (SELECT COUNT(*) FROM chunks c WHERE c.version_no = d.version_no)")).ShouldBe(0);
            (await QueryAsync<long>(target, "SELECT COUNT(*) FROM change_log c JOIN documents d ON d.id = c.document_id WHERE c.seq <= @Position AND c.version > d.version", new { backup.Position })).ShouldBe(0);
            (await QueryAsync<long>(target, "SELECT COUNT(*) FROM documents d WHERE NOT EXISTS (SELECT 1 FROM change_log c WHERE c.seq <= @Position AND c.document_id = d.id AND c.version = d.version)", new { backup.Position })).ShouldBe(0);
        }
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task Every_table_of_the_schema_is_saved_or_left_out_for_a_reason(Engine engine)
    {
        var service = await StartAsync(engine);
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        var tables = await service.Get<Database>().TablesAsync(connection, Cancel);
        foreach (var table in tables)
        {
            bool saved = TableClasses.IsSaved(table.Name);
            if (!saved) TableClasses.Why(table.Name).ShouldNotBeEmpty();
            if (!saved) continue;
            table.Columns.ShouldAllBe(c => c.Type != ColumnType.Other, table.Name);
            table.Key.ShouldNotBeEmpty(table.Name);
        }
        TableClasses.Names.Except(tables.Select(t => t.Name)).ShouldBeEmpty();
        Should.Throw<RagException>(() => TableClasses.Of("a_new_table")).Kind.ShouldBe(ErrorKind.Unsupported);
    }

    [Fact]
    public async Task Both_engines_have_the_same_saved_tables_with_the_same_columns()
    {
        var shapes = new List<string>();
        foreach (var engine in new[] { Engine.Sqlite, Engine.Postgres })
        {
            var service = await StartAsync(engine);
            await using var connection = await service.Get<Database>().OpenAsync(Cancel);
            shapes.Add(string.Join('\n', (await service.Get<Database>().TablesAsync(connection, Cancel)).Where(t => TableClasses.IsSaved(t.Name))
                .Select(t => $"{t.Name}: {string.Join(", ", t.Columns.Select(c => $"{c.Name} {c.Type}"))}; {string.Join(", ", t.Key)}; {t.Serial}")));
        }
        shapes[1].ShouldBe(shapes[0]);
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task A_backup_that_was_interrupted_keeps_its_whole_parts_and_is_never_listed_as_good(Engine engine)
    {
        var service = await StartAsync(engine, ("Backup:PartMb", "1"));
        await FillAsync(service);
        var random = new Random(3);
        for (int i = 0; i < 6; i++) await service.PutAsync($"long-{i}.txt", string.Concat(Enumerable.Range(0, 60_000).Select(_ => $"w{random.Next(10_000)} ")));
        using var interrupted = new CancellationTokenSource();
        var stopping = new Interrupting(p =>
        {
            if (p.Phase == "write chunks") interrupted.Cancel();
        });
        await Should.ThrowAsync<OperationCanceledException>(service.Get<BackupWriter>().CreateAsync(BackupKind.Daily, stopping, interrupted.Token));
        var failed = (await service.Get<BackupCatalog>().ListAsync(Cancel)).ShouldHaveSingleItem();
        failed.State.ShouldBe(BackupState.Failed);
        Directory.Exists(FolderOf(failed)).ShouldBeFalse();
        var kept = Directory.EnumerateFiles(FolderOf(failed) + BackupCatalog.PartialSuffix, "document_versions-*.part").ToDictionary(f => Path.GetFileName(f), File.ReadAllBytes);
        kept.Count.ShouldBeGreaterThan(1);
        await service.PutAsync("leave.txt", "The notice period changed after the interruption.");

        var backup = await BackUpAsync(service);

        backup.Id.ShouldBe(failed.Id);
        backup.State.ShouldBe(BackupState.Complete);
        foreach (var (name, bytes) in kept.Where(k => k.Key == "document_versions-0001.part")) (await File.ReadAllBytesAsync(Path.Combine(FolderOf(backup), name), Cancel)).ShouldBe(bytes);
        Directory.EnumerateFiles(FolderOf(backup)).Select(Path.GetFileName).ShouldNotContain("progress.json");
        var target = await StartAsync(engine);
        await RestoreAsync(target, backup.Id);
        (await InRecordAsync(target))["document_versions"].ShouldBe((await InRecordAsync(service))["document_versions"]);
        (await InRecordAsync(target))["chunks"].ShouldBe((await InRecordAsync(service))["chunks"]);
    }

    [Fact]
    public async Task A_full_disk_fails_the_backup_and_says_so_and_the_next_one_goes_on()
    {
        string disk = Path.Combine(Folder, "disk");
        Directory.CreateDirectory(disk);
        try
        {
            await ChildServer.RunAsync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], Cancel);
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            Assert.Skip("A small file system cannot be mounted here.");
        }
        try
        {
            var service = await StartAsync(Engine.Sqlite, ("Backup:Directory", disk), ("Backup:PartMb", "1"));
            var random = new Random(3);
            await service.PutAsync("long.txt", string.Concat(Enumerable.Range(0, 300_000).Select(_ => $"w{random.Next(1_000_000)} ")));
            var full = await Should.ThrowAsync<RagException>(BackUpAsync(service));
            full.Kind.ShouldBe(ErrorKind.StorageFull);
            (await service.Get<BackupCatalog>().ListAsync(Cancel)).ShouldHaveSingleItem().State.ShouldBe(BackupState.Failed);
            await ChildServer.RunAsync("mount", ["-o", "remount,size=64m", disk], Cancel);

            var backup = await BackUpAsync(service);

            await service.Get<Restorer>().VerifyAsync(backup.Id, null, Cancel);
            (await service.Get<BackupCatalog>().GetAsync(backup.Id, Cancel)).State.ShouldBe(BackupState.Verified);
        }
        finally
        {
            await ChildServer.RunAsync("umount", ["-l", disk], CancellationToken.None);
        }
    }

    [Theory]
    [InlineData(Engine.Sqlite)]
    [InlineData(Engine.Postgres)]
    public async Task A_weekly_backup_also_holds_the_database_in_its_own_format_and_what_runs_beside_it(Engine engine)
    {
        var service = await StartAsync(engine);
        await FillAsync(service);
        var backup = await BackUpAsync(service, BackupKind.Weekly);
        var reader = await service.Get<BackupCatalog>().OpenAsync(backup.Id, Cancel);
        var files = new Dictionary<string, byte[]>();
        foreach (var part in reader.Manifest.Parts.Where(p => p.Kind != PartKind.Rows))
        {
            var copy = new MemoryStream();
            await reader.CopyToAsync(part, copy, Cancel);
            files[part.Name] = copy.ToArray();
        }
        string configuration = Encoding.UTF8.GetString(files["configuration.txt"]);
        configuration.ShouldContain("Storage:Provider = ");
        configuration.ShouldNotContain("Host=");
        files.Keys.ShouldContain("deploy/prometheus/rag-system.rules.yml");
        files.Keys.Count(k => k.StartsWith("deploy/grafana/dashboards/", StringComparison.Ordinal)).ShouldBeGreaterThan(2);
        string native = Path.Combine(Folder, reader.Manifest.Parts.Single(p => p.Kind == PartKind.Native).Name);
        await File.WriteAllBytesAsync(native, files[Path.GetFileName(native)], Cancel);
        if (engine == Engine.Sqlite)
        {
            await using var copy = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={native};Pooling=False");
            (await copy.ExecuteScalarAsync<string>("PRAGMA integrity_check")).ShouldBe("ok");
            (await copy.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM documents")).ShouldBe(3);
        }
        else (await ChildServer.RunAsync("pg_restore", ["--list", native], Cancel)).ShouldContain("TABLE DATA public documents");
    }

    [Fact]
    public async Task A_missing_pg_dump_is_named_with_its_remedy()
    {
        var service = await StartAsync(Engine.Postgres, ("Backup:PgDump", "/nowhere/pg_dump"));
        var missing = await Should.ThrowAsync<RagException>(BackUpAsync(service, BackupKind.Weekly));
        missing.Message.ShouldContain("/nowhere/pg_dump");
        missing.Remedy.ShouldContain("Backup:PgDump");
    }

    [Fact]
    public async Task After_a_new_key_the_old_backups_still_open_and_without_the_old_key_they_do_not()
    {
        var service = await StartAsync(Engine.Sqlite);
        await FillAsync(service);
        var old = await BackUpAsync(service);
        string firstKey = await File.ReadAllTextAsync(KeyFile, Cancel);
        BackupKeys.Rotate(KeyFile);
        var next = await BackUpAsync(service);
        foreach (var backup in new[] { old, next }) await service.Get<Restorer>().VerifyAsync(backup.Id, null, Cancel);
        (await service.Get<BackupCatalog>().OpenAsync(next.Id, Cancel)).Manifest.Key.ShouldNotBe((await service.Get<BackupCatalog>().OpenAsync(old.Id, Cancel)).Manifest.Key);
        await File.WriteAllTextAsync(KeyFile, (await File.ReadAllTextAsync(KeyFile, Cancel)).Replace(firstKey, "", StringComparison.Ordinal), Cancel);
        (await Should.ThrowAsync<RagException>(service.Get<BackupCatalog>().OpenAsync(old.Id, Cancel))).Message.ShouldContain("does not hold");
        await service.Get<BackupCatalog>().OpenAsync(next.Id, Cancel);
    }

    [Fact]
    public async Task An_answer_that_cannot_be_read_is_saved_and_fails_no_backup()
    {
        var service = await StartAsync(Engine.Sqlite);
        await FillAsync(service);
        await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(
            "INSERT INTO answers (id, collection_id, created_at, outcome, body) VALUES ('a', 'c', 1, 'answered', '{}'), ('b', 'c', 2, 'answered', 'not JSON')", transaction: tx), Cancel);
        var backup = await BackUpAsync(service);
        (await service.Get<BackupCatalog>().OpenAsync(backup.Id, Cancel)).Manifest.Parts.Where(p => p.Name == "answers").Sum(p => p.Rows).ShouldBeGreaterThanOrEqualTo(2);
    }

    [Fact]
    public async Task A_backup_that_cannot_be_reached_from_here_is_not_called_damaged()
    {
        var service = await StartAsync(Engine.Sqlite);
        await FillAsync(service);
        var backup = await BackUpAsync(service);
        string key = await File.ReadAllTextAsync(KeyFile, Cancel), elsewhere = Path.Combine(Folder, "elsewhere");
        File.Delete(KeyFile);
        BackupKeys.Create(KeyFile);
        await RefusedAsync("does not hold");
        await File.WriteAllTextAsync(KeyFile, key, Cancel);
        // As on the disk of another replica.
        Directory.Move(FolderOf(backup), elsewhere);
        await RefusedAsync("is not on this machine");
        Directory.Move(elsewhere, FolderOf(backup));
        await service.Get<Restorer>().VerifyAsync(backup.Id, null, Cancel);
        (await service.Get<BackupCatalog>().GetAsync(backup.Id, Cancel)).State.ShouldBe(BackupState.Verified);

        async Task RefusedAsync(string why)
        {
            foreach (var attempt in new Func<Task>[] { () => service.Get<Restorer>().VerifyAsync(backup.Id, null, Cancel), () => service.Get<Drill>().RunAsync(backup.Id, offSite: false, null, Cancel) })
            {
                var refused = await Should.ThrowAsync<RagException>(attempt);
                refused.Kind.ShouldBe(ErrorKind.Unavailable);
                refused.Message.ShouldContain(why);
            }
            (await service.Get<BackupCatalog>().GetAsync(backup.Id, Cancel)).State.ShouldBe(BackupState.Complete);
        }
    }

    [Fact]
    public async Task An_older_backup_in_the_place_of_a_newer_one_is_found_out()
    {
        var service = await StartAsync(Engine.Sqlite);
        await FillAsync(service);
        var first = await BackUpAsync(service);
        await service.PutAsync("later.txt", "This came later.");
        var second = await BackUpAsync(service);
        second.Sequence.ShouldBe(first.Sequence + 1);
        string kept = Path.Combine(Folder, "kept");
        Directory.Move(FolderOf(second), kept);
        Copy(FolderOf(first), FolderOf(second));
        (await Should.ThrowAsync<RagException>(service.Get<BackupCatalog>().OpenAsync(second.Id, Cancel))).Message.ShouldContain(first.Id);
        Directory.Delete(FolderOf(second), recursive: true);
        Directory.Move(kept, FolderOf(second));
        await service.Get<BackupCatalog>().OpenAsync(second.Id, Cancel);
        // What it had while it was made is no manifest either.
        var manifest = (await service.Get<BackupCatalog>().OpenAsync(second.Id, Cancel)).Manifest;
        await File.WriteAllBytesAsync(Path.Combine(FolderOf(second), "manifest.json"), ManifestFile.Write(manifest with { Parts = [] }, BackupKeys.Read(KeyFile).Newest, whole: false), Cancel);
        (await Should.ThrowAsync<RagException>(service.Get<BackupCatalog>().OpenAsync(second.Id, Cancel))).Kind.ShouldBe(ErrorKind.Invalid);
    }

    [Fact]
    public async Task A_record_that_knows_nothing_lists_the_backups_that_lie_in_the_folder()
    {
        var lost = await StartAsync(Engine.Sqlite);
        await FillAsync(lost);
        var backup = await BackUpAsync(lost);
        var found = (await (await StartAsync(Engine.Sqlite)).Get<BackupCatalog>().ListAsync(Cancel)).ShouldHaveSingleItem();
        found.ShouldBe(backup);
    }

    [Fact]
    public async Task A_backup_of_a_newer_release_is_refused_with_what_to_do()
    {
        var service = await StartAsync(Engine.Sqlite);
        var backup = await BackUpAsync(service);
        var manifest = (await service.Get<BackupCatalog>().OpenAsync(backup.Id, Cancel)).Manifest;
        byte[] newer = ManifestFile.Write(manifest with { Format = BackupManifest.CurrentFormat + 1 }, BackupKeys.Read(KeyFile).Newest);
        Should.Throw<RagException>(() => ManifestFile.Parse("manifest.json", newer, BackupKeys.Read(KeyFile), whole: true)).Kind.ShouldBe(ErrorKind.Unsupported);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(3_000_000)]
    public async Task A_sealed_file_gives_back_what_was_sealed_and_nothing_when_a_bit_of_it_is_changed(int size)
    {
        var key = BackupKeys.Read(KeyFile).Newest;
        byte[] bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        string path = Path.Combine(Folder, "sealed");
        await using (var writer = await SealingWriter.CreateAsync(path, "backup", "file", key, Cancel))
        {
            await writer.WriteAsync(bytes, Cancel);
            await writer.FinishAsync(Cancel);
        }
        (await ReadAsync("backup", "file")).ShouldBe(bytes);
        await Should.ThrowAsync<RagException>(ReadAsync("backup", "other"));
        await Should.ThrowAsync<RagException>(ReadAsync("other", "file"));
        byte[] stored = await File.ReadAllBytesAsync(path, Cancel);
        foreach (int at in new[] { 0, 10, stored.Length / 2, stored.Length - 1 })
        {
            stored[at] ^= 0x40;
            await File.WriteAllBytesAsync(path, stored, Cancel);
            (await Should.ThrowAsync<RagException>(ReadAsync("backup", "file"))).Kind.ShouldBe(ErrorKind.Invalid);
            stored[at] ^= 0x40;
        }
        foreach (int length in new[] { 0, 39, 41, stored.Length / 2, stored.Length - 1, Math.Max(0, stored.Length - 65_552) }.Where(l => l < stored.Length))
        {
            await File.WriteAllBytesAsync(path, stored[..length], Cancel);
            (await Should.ThrowAsync<RagException>(ReadAsync("backup", "file"))).Kind.ShouldBe(ErrorKind.Invalid);
        }

        async Task<byte[]> ReadAsync(string backup, string name)
        {
            await using var reader = await OpeningStream.OpenAsync(path, backup, name, key, hash: true, Cancel);
            var all = new MemoryStream();
            await reader.CopyToAsync(all, Cancel);
            return all.ToArray();
        }
    }

    [Fact]
    public void The_digest_of_a_table_does_not_depend_on_the_order_of_its_rows_and_counts_each()
    {
        Gen.Byte.Array[0, 40].Array[1, 20].Sample(rows =>
        {
            string Of(IEnumerable<byte[]> all)
            {
                var digest = new TableDigest();
                foreach (byte[] row in all) digest.Add(row);
                return digest.ToString();
            }
            Of(rows.Reverse()).ShouldBe(Of(rows));
            Of(rows.Append(rows[0])).ShouldNotBe(Of(rows));
            Of(rows.Skip(1)).ShouldNotBe(Of(rows));
            var sum = new TableDigest();
            sum.Add(Of(rows.Take(rows.Length / 2)), rows.Length / 2);
            sum.Add(Of(rows.Skip(rows.Length / 2)), rows.Length - rows.Length / 2);
            (sum.ToString(), sum.Rows).ShouldBe((Of(rows), rows.Length));
        });
    }

    [Fact]
    public void Rows_are_cut_the_same_however_their_bytes_arrive()
    {
        Gen.Select(Gen.Select(Gen.Long, Gen.String, Gen.Byte.Array[0, 200].Null()).Array[1, 30], Gen.Int[1, 50]).Sample((rows, piece) =>
        {
            var written = new RowBuffer(16);
            foreach (var (number, text, bytes) in rows)
            {
                written.BeginRow(3);
                written.Integer(number);
                written.Text(text);
                if (bytes is null) written.Null();
                else written.Bytes(bytes);
                written.EndRow();
            }
            var cutter = new RowCutter(3);
            var read = new List<byte[]>();
            var all = written.Block.Bytes;
            for (int at = 0; at < all.Length; at += piece)
            {
                var part = all.Slice(at, Math.Min(piece, all.Length - at));
                part.CopyTo(cutter.Room());
                cutter.Advance(part.Length);
                var block = cutter.Take(out bool ended);
                ended.ShouldBeFalse();
                int start = 0;
                foreach (int end in block.Ends)
                {
                    read.Add(block.Bytes[start..end].ToArray());
                    start = end;
                }
            }
            cutter.Rest.Length.ShouldBe(0);
            read.Count.ShouldBe(rows.Length);
            for (int i = 0; i < rows.Length; i++)
            {
                RowFormat.Integer(read[i], 0).ShouldBe(rows[i].Item1);
                RowFormat.Value(read[i], 2, ColumnType.Bytes).ShouldBe(rows[i].Item3);
            }
        });
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }

    private sealed class Interrupting(Action<BackupProgress> report) : IProgress<BackupProgress>
    {
        public void Report(BackupProgress value) => report(value);
    }
}
