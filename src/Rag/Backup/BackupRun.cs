using System.Security.Cryptography;
using System.Text.Json;
using Dapper;
using Rag.Audit;
using Rag.Backup.Drills;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Backup;

/// <summary>What goes into backups, and where they go.</summary>
internal sealed record BackupSources(Database Database, BackupCatalog Catalog, BackupOptions Options, AuditKeys AuditKeys, FullSystem FullSystem, GoldenMaker Golden, DataDirectory Data, TimeProvider Time);

/// <summary>One backup being made.</summary>
internal sealed class BackupRun(BackupSources from, string id, string kind, BackupKey key, long startedAt, IProgress<BackupProgress>? progress, CancellationToken ct)
{
    /// <summary>So much is written before it is put on disk and noted: most tables are small, and waiting for the disk is dear.</summary>
    private const long NotedBytes = 16_000_000;

    private readonly string _folder = Path.Combine(from.Catalog.Directory, id + BackupCatalog.PartialSuffix);
    private readonly List<BackupPart> _parts = [];
    private readonly List<string> _unsynced = [];
    private readonly long _partBytes = from.Options.PartMb * 1_000_000L;
    private long _done, _total, _unnoted;

    public async Task<(BackupManifest Manifest, string Sha256)> WriteAsync(IReadOnlyList<BackupPart> kept)
    {
        Directory.CreateDirectory(_folder);
        _total = await from.Database.SizeBytesAsync(ct);
        await using var snapshot = await from.Database.SnapshotAsync(ct);
        var tables = (await from.Database.TablesAsync(snapshot.Connection, ct)).ToDictionary(t => t.Name);
        // First of all, while the index is still near the snapshot.
        var golden = await from.Golden.MakeAsync(from.Database, snapshot, tables.Values, ct);
        var leftOut = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string name in tables.Keys)
            if (!TableClasses.IsSaved(name)) leftOut[name] = TableClasses.Why(name);
        var serials = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var table in TableClasses.InOrder(tables.Values))
        {
            await WriteTableAsync(snapshot, table, [.. kept.Where(p => p.Kind == PartKind.Rows && p.Name == table.Name)]);
            if (table.Serial is not null) serials[table.Name] = await from.Database.ReadSerialAsync(snapshot.Connection, table, ct);
        }
        await WriteFileAsync("golden-0001.part", PartKind.File, Golden.PartName, async to => await to.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(golden, GoldenJson.Default.Golden), ct));
        if (kind == BackupKind.Weekly) await WriteFullSystemAsync(snapshot);
        long position = await snapshot.Connection.ExecuteScalarAsync<long>("SELECT COALESCE(MAX(seq), 0) FROM change_log");
        var audit = await AuditAsync(snapshot);
        var (sequence, previous) = await from.Catalog.LastAsync(ct);
        var manifest = new BackupManifest(
            BackupManifest.CurrentFormat, id, kind, sequence + 1, previous, Product.Version, from.Database.Provider, await Schema.VersionAsync(snapshot.Connection, ct), startedAt, from.Time.Microseconds(),
            position, audit, _parts, serials, leftOut, key.Id, null);
        byte[] bytes = ManifestFile.Write(manifest, key);
        SyncParts();
        await Durable.WriteAsync(Path.Combine(_folder, ManifestFile.Name), bytes, ct);
        RemoveOthers();
        string folder = Path.Combine(from.Catalog.Directory, id);
        Directory.Move(_folder, folder);
        Durable.SyncDirectory(from.Catalog.Directory);
        return (manifest, Sha256.Hex(bytes));
    }

    private async Task WriteTableAsync(RecordSnapshot snapshot, RecordTable table, IReadOnlyList<BackupPart> kept)
    {
        var columns = table.Columns.Select(c => new BackupColumn(c.Name, c.Type.ToString().ToLowerInvariant())).ToList();
        long skip = 0;
        int number = 0;
        foreach (var part in await StillRightAsync(snapshot, table, columns, kept))
        {
            _parts.Add(part);
            skip += part.Rows;
            number++;
            _done += part.PlainBytes;
        }
        bool begun = number > 0;
        PartWriter? open = null;
        var digest = new TableDigest();
        try
        {
            await foreach (var block in snapshot.ReadAsync(table, ct))
            {
                int sent = 0, start = 0;
                for (int r = 0; r < block.Ends.Count; r++)
                {
                    int end = block.Ends[r];
                    if (skip > 0)
                    {
                        skip--;
                        sent = start = end;
                        continue;
                    }
                    digest.Add(block.Bytes.Span[start..end]);
                    start = end;
                    if ((open?.PlainBytes ?? 0) + (end - sent) < _partBytes) continue;
                    open ??= await OpenAsync();
                    await open.WriteAsync(block.Bytes[sent..end], ct);
                    sent = end;
                    await CloseAsync();
                }
                if (sent == block.Bytes.Length) continue;
                open ??= await OpenAsync();
                await open.WriteAsync(block.Bytes[sent..], ct);
                progress?.Report(new("write " + table.Name, _done + open.PlainBytes, Math.Max(_total, _done)));
            }
            // A table without rows has a part all the same: that it was empty is said, too.
            if (open is null && !begun) open = await OpenAsync();
            if (open is not null) await CloseAsync();
        }
        finally
        {
            if (open is not null) await open.DisposeAsync();
        }

        async Task<PartWriter> OpenAsync()
        {
            begun = true;
            return await PartWriter.CreateAsync(_folder, id, $"{table.Name}-{++number:D4}.part", key, from.Options.CompressionLevel, ct);
        }

        async Task CloseAsync()
        {
            var closing = open!;
            var (plain, storedBytes, stored) = await closing.FinishAsync(ct);
            await AddAsync(new($"{table.Name}-{number:D4}.part", PartKind.Rows, table.Name, columns, digest.Rows, digest.ToString(), closing.PlainBytes, plain, storedBytes, stored));
            await closing.DisposeAsync();
            (open, digest) = (null, new());
        }
    }

    /// <summary>
    /// The first of the parts that an interrupted run left, as far as the table begins with just these rows now: rows are
    /// read in the order of their key, so that the same rows give the same bytes.
    /// </summary>
    private async Task<IReadOnlyList<BackupPart>> StillRightAsync(RecordSnapshot snapshot, RecordTable table, List<BackupColumn> columns, IReadOnlyList<BackupPart> kept)
    {
        var right = new List<BackupPart>();
        if (kept.Count == 0 || !kept[0].Columns!.SequenceEqual(columns)) return right;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long rows = 0;
        await foreach (var block in snapshot.ReadAsync(table, ct))
        {
            int start = 0;
            foreach (int end in block.Ends)
            {
                hash.AppendData(block.Bytes.Span[start..end]);
                start = end;
                var part = kept[right.Count];
                if (++rows < part.Rows) continue;
                if (Convert.ToHexStringLower(hash.GetHashAndReset()) != part.PlainSha256 || !await IsThereAsync(part)) return right;
                right.Add(part);
                rows = 0;
                if (right.Count == kept.Count) return right;
            }
        }
        // The last part of a table is whole when the table ends with it.
        return right;
    }

    private async Task<bool> IsThereAsync(BackupPart part)
    {
        string path = Path.Combine(_folder, part.File);
        if (!File.Exists(path)) return false;
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, ct)) == part.StoredSha256;
    }

    private async Task WriteFullSystemAsync(RecordSnapshot snapshot)
    {
        progress?.Report(new("write the database in its own format", _done, Math.Max(_total, _done)));
        await WriteFileAsync("native-0001.part", PartKind.Native, snapshot.DumpName, async to =>
            await snapshot.DumpAsync(from.Options.PgDump, Path.Combine(from.Data.Path, "backup-native.tmp"), to, ct));
        int number = 0;
        foreach (var (path, content) in from.FullSystem.Files())
            await WriteFileAsync($"file-{++number:D4}.part", PartKind.File, path, async to => await to.WriteAsync(System.Text.Encoding.UTF8.GetBytes(content), ct));
    }

    private async Task WriteFileAsync(string name, string partKind, string content, Func<Stream, Task> write)
    {
        await using var part = await PartWriter.CreateAsync(_folder, id, name, key, from.Options.CompressionLevel, ct);
        await write(new PartStream(part));
        var (plain, storedBytes, stored) = await part.FinishAsync(ct);
        await AddAsync(new(name, partKind, content, null, 0, null, part.PlainBytes, plain, storedBytes, stored));
    }

    /// <summary>Notes whole parts now and then, so that they are kept if this run ends here.</summary>
    private async Task AddAsync(BackupPart part)
    {
        _parts.Add(part);
        _unsynced.Add(part.File);
        _done += part.PlainBytes;
        _unnoted += part.PlainBytes;
        if (_unnoted < Math.Min(NotedBytes, _partBytes)) return;
        _unnoted = 0;
        SyncParts();
        var sofar = new BackupManifest(
            BackupManifest.CurrentFormat, id, kind, 0, null, Product.Version, from.Database.Provider, 0, startedAt, 0, 0, null, _parts, new Dictionary<string, long>(), new Dictionary<string, string>(), key.Id, null);
        await Durable.WriteAsync(Path.Combine(_folder, ManifestFile.ProgressName), ManifestFile.Write(sofar, key, whole: false), ct);
    }

    /// <summary>Before anything says that the parts are whole; the names follow with the file that says so.</summary>
    private void SyncParts()
    {
        foreach (string file in _unsynced) Durable.SyncFile(Path.Combine(_folder, file));
        _unsynced.Clear();
    }

    private async Task<BackupAudit?> AuditAsync(RecordSnapshot snapshot)
    {
        long records = await snapshot.Connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM audit_records");
        string? checkpoint = await snapshot.Connection.ExecuteScalarAsync<string?>("SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1");
        return records == 0 && checkpoint is null ? null : new(Sha256.Hex(from.AuditKeys.PublicKey), records, checkpoint);
    }

    /// <summary>What an interrupted run left and this one has no use for.</summary>
    private void RemoveOthers()
    {
        var mine = _parts.Select(p => p.File).Append(ManifestFile.Name).ToHashSet();
        foreach (string file in Directory.EnumerateFiles(_folder))
            if (!mine.Contains(Path.GetFileName(file))) File.Delete(file);
    }
}
