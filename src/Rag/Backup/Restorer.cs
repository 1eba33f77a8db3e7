using System.Data.Common;
using System.Diagnostics;
using Dapper;
using Microsoft.Extensions.Logging;
using Rag.Audit;
using Rag.Caching;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Backup;

internal enum RestoreInto
{
    /// <summary>A record without documents; everything becomes as in the backup, the audit record too.</summary>
    Empty,

    /// <summary>A record in use: its data is replaced, its audit record and change log go on.</summary>
    Running,
}

/// <summary>What a restore did.</summary>
/// <param name="Position">Change-log position after it: an index there shows what was restored.</param>
/// <param name="Documents">Documents that were put back.</param>
/// <param name="Unchanged">Of one collection or document: those that were as in the backup already.</param>
public sealed record RestoreResult(string BackupId, long BackupPosition, long Position, long Rows, long Documents, long Unchanged, double Seconds);

/// <summary>Puts backups back.</summary>
internal sealed class Restorer(
    Database database, BackupCatalog catalog, BackupOptions options, Leases leases, PartialRestore partial, ChangeLog changes, AuditTrail audit, AuditKeys auditKeys, CacheOperations cache, IIndexer indexer,
    TimeProvider time, ILogger<Restorer> log)
{
    /// <summary>
    /// Restores into this service's own record: reads the backup in full first, writes the restore to the audit record before
    /// it begins and with what it changes, and waits until the index of this process shows it.
    /// </summary>
    /// <param name="collection">Only this collection, by its name; null: everything.</param>
    /// <param name="document">Only this document of the collection, by its id or address.</param>
    public async Task<RestoreResult> RestoreAsync(string id, string? collection, string? document, RestoreInto into, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        if (document is not null && collection is null) throw new RagException(ErrorKind.Invalid, "A document is named, and no collection.", "Name the collection that it is in: --collection NAME --document ID.");
        await using var lease = await BackupWriter.TakeAsync(leases, ct);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct, lease.Lost);
        limit.CancelAfter(TimeSpan.FromHours(options.LimitHours));
        var reader = await catalog.OpenAsync(id, limit.Token);
        RequireAuditKey(reader.Manifest);
        await VerifyAsync(id, reader, progress, limit.Token);
        string what = collection is null ? "backup:" + id : document is null ? "collection:" + collection : "document:" + document;
        var details = new Dictionary<string, string> { ["backup"] = id, ["into"] = into.ToString().ToLowerInvariant() };
        if (document is not null) details["collection"] = collection!;
        await audit.RecordAsync(AuditEvent.Administrative("backup.restore", what, details), limit.Token);
        Task Record(DbTransaction tx) => audit.AppendAsync(tx, AuditEvent.Administrative("backup.restored", what, details));
        var result = collection is null
            ? await RestoreIntoAsync(database, reader, into, time, progress, limit.Token, Record, TimeSpan.FromHours(options.LimitHours), verified: true)
            : await partial.RestoreAsync(reader, collection, document, Record, progress, limit.Token);
        log.BackupRestored(id, result.BackupPosition);
        changes.Announce();
        // Positions that a lost history had given may be given again: what a cache keeps under them is of that history.
        await cache.ClearAsync(CancellationToken.None);
        progress?.Report(new("the index follows", 0, 0));
        await indexer.WaitForAsync(result.Position, TimeSpan.FromHours(options.LimitHours), ct);
        return result;
    }

    /// <summary>Reads a backup in full and notes what came of it.</summary>
    public async Task VerifyAsync(string id, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        BackupReader reader;
        try
        {
            reader = await catalog.OpenAsync(id, ct);
        }
        catch (RagException e) when (e.Kind == ErrorKind.Invalid)
        {
            await catalog.NoteDamagedAsync(id, e.Message, CancellationToken.None);
            throw;
        }
        await VerifyAsync(id, reader, progress, ct);
    }

    /// <summary>
    /// Puts the whole backup into a record, in one transaction: afterwards all of it is there, or what was there before. The
    /// backup is read in full first, unless <paramref name="verified"/> says that it was.
    /// </summary>
    /// <param name="record">Written with it, such as to the audit record.</param>
    /// <exception cref="RagException">Invalid: the backup is damaged; Conflict: the record is not empty; Unsupported: the schema is too old for it.</exception>
    public static async Task<RestoreResult> RestoreIntoAsync(
        Database target, BackupReader backup, RestoreInto into, TimeProvider time, IProgress<BackupProgress>? progress, CancellationToken ct,
        Func<DbTransaction, Task>? record = null, TimeSpan? limit = null, bool verified = false)
    {
        long started = Stopwatch.GetTimestamp();
        if (!verified) await backup.VerifyAsync(progress, ct);
        IReadOnlyList<RecordTable> tables;
        await using (var connection = await target.OpenAsync(ct))
        {
            tables = TableClasses.InOrder(await target.TablesAsync(connection, ct));
            RequireSchema(backup, await Schema.VersionAsync(connection, ct), tables);
            if (into == RestoreInto.Empty && await connection.ExecuteScalarAsync<long>(new CommandDefinition("SELECT COUNT(*) FROM documents", cancellationToken: ct)) is > 0 and var there)
                throw new RagException(ErrorKind.Conflict, $"The record is not empty: it has {there:N0} documents.", "Restore with --into running to replace what is there, or into a new record.");
        }
        var put = tables.Where(t => backup.Tables.Contains(t.Name) && (into == RestoreInto.Empty || TableClasses.Of(t.Name) == TableClass.Data)).ToList();
        var names = backup.Tables.Contains("change_log") ? put.Select(t => t.Name).Append("change_log").Distinct().ToList() : [.. put.Select(t => t.Name)];
        long done = 0, total = backup.Manifest.Parts.Where(p => p.Kind == PartKind.Rows && put.Any(t => t.Name == p.Name)).Sum(p => p.PlainBytes);
        var (position, rows, documents) = await target.WriteAloneAsync(names, limit ?? TimeSpan.FromHours(12), async tx =>
        {
            var connection = tx.Connection!;
            await connection.ExecuteAsync("CREATE TEMP TABLE restore_before AS SELECT 'document' AS what, id, collection_id FROM documents UNION ALL SELECT 'collection', id, id FROM collections", transaction: tx);
            long before = await connection.ExecuteScalarAsync<long>("SELECT COALESCE(MAX(seq), 0) FROM change_log", transaction: tx);
            long accessVersion = await connection.ExecuteScalarAsync<long>("SELECT COALESCE(MAX(version), 0) FROM access_version", transaction: tx);
            foreach (var table in Enumerable.Reverse(put).Where(t => TableClasses.Of(t.Name) != TableClass.Merged))
            {
                progress?.Report(new("empty " + table.Name, 0, total));
                await connection.ExecuteAsync($"DELETE FROM \"{table.Name}\"", transaction: tx, commandTimeout: 0);
            }
            long count = 0;
            foreach (var table in put)
            {
                var rows = Counted(backup.ReadAsync(table.Name, ct), b => progress?.Report(new("restore " + table.Name, done += b, total)));
                count += TableClasses.Of(table.Name) == TableClass.Merged
                    ? await MergeAsync(target, tx, table.Name, backup.Columns(table.Name), rows, ct)
                    : await target.CopyInAsync(tx, table.Name, backup.Columns(table.Name), rows, ct);
                if (table.Serial is not null) await target.RaiseSerialAsync(tx, table, backup.Manifest.Serials.GetValueOrDefault(table.Name));
            }
            if (into == RestoreInto.Empty && accessVersion > 0) await ChangeAccessAsync(tx, accessVersion);
            if (record is not null) await record(tx);
            long all = await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM documents", transaction: tx);
            long last = await FollowAsync(target, tx, tables.Single(t => t.Name == "change_log"), before, time);
            await connection.ExecuteAsync("DROP TABLE restore_before", transaction: tx);
            return (last, count, all);
        }, ct);
        return new(backup.Manifest.Id, backup.Manifest.Position, position, rows, documents, 0, Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 3));
    }

    /// <summary>
    /// Appends to the change log what whoever follows it from <paramref name="before"/> must look at again: everything that is there, and
    /// everything that is no more. A record that had no changes has no followers, and stays as in the backup.
    /// </summary>
    private static async Task<long> FollowAsync(Database target, DbTransaction tx, RecordTable log, long before, TimeProvider time)
    {
        var connection = tx.Connection!;
        if (before > 0)
        {
            await target.LockChangeLogAsync(tx);
            await target.RaiseSerialAsync(tx, log, before);
            await connection.ExecuteAsync(
                """
                INSERT INTO change_log (kind, collection_id, document_id, version, at)
                SELECT kind, collection_id, document_id, version, @at FROM (
                  SELECT 1 AS place, 'collection.put' AS kind, id AS collection_id, NULL AS document_id, CAST(NULL AS BIGINT) AS version FROM collections
                  UNION ALL SELECT 2, 'document.put', collection_id, id, version FROM documents
                  UNION ALL SELECT 3, 'document.deleted', b.collection_id, b.id, CAST(NULL AS BIGINT) FROM restore_before b
                    WHERE b.what = 'document' AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = b.id) AND EXISTS (SELECT 1 FROM collections c WHERE c.id = b.collection_id)
                  UNION ALL SELECT 4, 'collection.deleted', b.id, NULL, CAST(NULL AS BIGINT) FROM restore_before b
                    WHERE b.what = 'collection' AND NOT EXISTS (SELECT 1 FROM collections c WHERE c.id = b.id)
                ) changed ORDER BY place, collection_id, document_id
                """, new { at = time.Microseconds() }, tx, commandTimeout: 0);
        }
        return await connection.ExecuteScalarAsync<long>("SELECT COALESCE(MAX(seq), 0) FROM change_log", transaction: tx);
    }

    /// <summary>Adds rows to those that are there; where a key is there, what is there stays.</summary>
    private static async Task<long> MergeAsync(Database target, DbTransaction tx, string table, IReadOnlyList<RecordColumn> columns, IAsyncEnumerable<RowBlock> rows, CancellationToken ct)
    {
        string list = string.Join(", ", columns.Select(c => $"\"{c.Name}\""));
        await tx.Connection!.ExecuteAsync($"CREATE TEMP TABLE restore_merge AS SELECT {list} FROM \"{table}\" WHERE 1 = 0", transaction: tx);
        long count = await target.CopyInAsync(tx, "restore_merge", columns, rows, ct);
        await tx.Connection!.ExecuteAsync($"INSERT INTO \"{table}\" ({list}) SELECT {list} FROM restore_merge WHERE 1 = 1 ON CONFLICT DO NOTHING", transaction: tx);
        await tx.Connection!.ExecuteAsync("DROP TABLE restore_merge", transaction: tx);
        return count;
    }

    /// <summary>Replicas that read keys and grants before read all of them again: each is changed, in a version that none has seen.</summary>
    private static async Task ChangeAccessAsync(DbTransaction tx, long before)
    {
        await tx.Connection!.ExecuteAsync("UPDATE access_version SET version = CASE WHEN version > @before THEN version ELSE @before END + 1", new { before }, tx);
        foreach (string table in new[] { "api_keys", "grants" }) await tx.Connection!.ExecuteAsync($"UPDATE {table} SET version = (SELECT version FROM access_version)", transaction: tx);
    }

    private static async IAsyncEnumerable<RowBlock> Counted(IAsyncEnumerable<RowBlock> rows, Action<long> count)
    {
        await foreach (var block in rows)
        {
            yield return block;
            count(block.Bytes.Length);
        }
    }

    private static void RequireSchema(BackupReader backup, long schema, IReadOnlyList<RecordTable> tables)
    {
        if (backup.Manifest.Schema > schema)
            throw new RagException(ErrorKind.Unsupported, $"The backup was made by a newer release: its schema is {backup.Manifest.Schema}, this record's {schema}.", "Restore it with the release that made it, or a later one.");
        foreach (string name in backup.Tables)
        {
            var table = tables.FirstOrDefault(t => t.Name == name);
            var unknown = backup.Columns(name).Where(c => table?.Columns.Contains(c) != true).Select(c => c.Name).ToList();
            if (table is null || unknown.Count > 0)
                throw new RagException(ErrorKind.Unsupported, $"The record has not what the backup holds: {name}{(table is null ? "" : "." + string.Join(", ", unknown))}.", "Restore it with the release that made it.");
        }
    }

    /// <summary>Records that another key sealed could not be read, nor others be written behind them.</summary>
    private void RequireAuditKey(BackupManifest manifest)
    {
        if (manifest.Audit is { } kept && kept.Key != Sha256.Hex(auditKeys.PublicKey))
            throw new RagException(ErrorKind.Conflict, "The audit records of the backup were sealed with another audit key than this service has.", "Put the key file in place that the backup was made with: Audit:KeyFile names it. With SQLite it is audit/key.pem in the data directory.");
    }

    private async Task VerifyAsync(string id, BackupReader reader, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        try
        {
            await reader.VerifyAsync(progress, ct);
        }
        catch (RagException e) when (e.Kind == ErrorKind.Invalid)
        {
            await catalog.NoteDamagedAsync(id, e.Message, CancellationToken.None);
            throw;
        }
        await catalog.NoteVerifiedAsync(id, ct);
    }
}
