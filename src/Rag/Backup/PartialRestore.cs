using System.Data.Common;
using System.Diagnostics;
using Dapper;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Backup;

/// <summary>
/// Puts one collection or one document back into a record in use, as writes like any others: what is there and differs gets
/// a new version with the backup's content, what is gone is there again with its versions, what is the same stays, and so do
/// documents that came after the backup. All in one transaction.
/// </summary>
internal sealed class PartialRestore(Database database, ChangeLog changes, BackupOptions options, IngestionOptions ingestion, TimeProvider time)
{
    private const int MaxBatch = 500;

    /// <summary>What becomes of a document of the backup.</summary>
    /// <param name="Id">In the record.</param>
    /// <param name="Version">That the backup's current version becomes.</param>
    /// <param name="VersionNo">Number of the backup's current version in the backup.</param>
    /// <param name="Replaces">Number of the version that it takes the place of; null where the document is gone, and comes back with all its versions.</param>
    private sealed record Plan(string Id, long Version, long VersionNo, long? Replaces);

    /// <exception cref="RagException">NotFound: the backup has no such collection or document.</exception>
    public async Task<RestoreResult> RestoreAsync(BackupReader backup, string collection, string? document, Func<DbTransaction, Task> record, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        var (backupCollection, source) = await FindCollectionAsync(backup, collection, ct);
        long total = backup.Manifest.Parts.Where(p => p.Name is "documents" or "document_versions" or "chunks").Sum(p => p.PlainBytes), done = 0;
        void Count(RowBlock block) => progress?.Report(new("restore " + collection, done += block.Bytes.Length, total));
        return await database.WriteAloneAsync(["collections", "documents", "document_versions", "chunks"], TimeSpan.FromHours(options.LimitHours), async tx =>
        {
            string target = await EnsureCollectionAsync(tx, source);
            var (plans, unchanged) = await PlanAsync(tx, backup, backupCollection, target, document, Count, ct);
            if (plans.Count == 0 && unchanged == 0 && document is not null) throw new RagException(ErrorKind.NotFound, $"The backup has no document '{document}' in the collection '{collection}'.", "Name it by its id or its address, as 'rag documents list' showed it.");
            var numbers = await PutVersionsAsync(tx, backup, plans, Count, ct);
            long rows = plans.Count + numbers.Count + await PutChunksAsync(tx, backup, numbers, Count, ct);
            await record(tx);
            var changed = plans.Values.Select(p => new NewChange(ChangeKind.DocumentPut, target, p.Id, p.Version)).Prepend(new NewChange(ChangeKind.CollectionPut, target)).ToList();
            var seqs = await changes.AppendAsync(tx, changed);
            return new RestoreResult(backup.Manifest.Id, backup.Manifest.Position, seqs[^1], rows, plans.Count, unchanged, Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 3));
        }, ct);
    }

    private static async Task<(string Id, Dictionary<string, object?> Row)> FindCollectionAsync(BackupReader backup, string name, CancellationToken ct)
    {
        var columns = backup.Columns("collections");
        var names = new List<string>();
        await foreach (var block in backup.ReadAsync("collections", ct))
            foreach (var row in Rows(block, columns))
            {
                if ((string)row["name"]! == name) return ((string)row["id"]!, row);
                names.Add((string)row["name"]!);
            }
        throw new RagException(ErrorKind.NotFound, $"The backup has no collection '{name}'.", $"It has {(names.Count == 0 ? "none" : string.Join(", ", names.Take(20)))}.");
    }

    /// <summary>Id of the collection of that name in the record; made as the backup has it where there is none.</summary>
    private async Task<string> EnsureCollectionAsync(DbTransaction tx, Dictionary<string, object?> source)
    {
        if (await tx.Connection!.ExecuteScalarAsync<string?>("SELECT id FROM collections WHERE name = @name", new { name = source["name"] }, tx) is { } there) return there;
        var row = new Dictionary<string, object?>(source);
        if (await tx.Connection!.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM collections WHERE id = @id", new { id = row["id"] }, tx) > 0) row["id"] = Ids.New(time);
        await InsertAsync(tx, "collections", row);
        return (string)row["id"]!;
    }

    private async Task<(Dictionary<string, Plan> Plans, long Unchanged)> PlanAsync(
        DbTransaction tx, BackupReader backup, string from, string to, string? document, Action<RowBlock> count, CancellationToken ct)
    {
        var columns = backup.Columns("documents");
        var plans = new Dictionary<string, Plan>();
        long unchanged = 0;
        await foreach (var block in backup.ReadAsync("documents", ct))
        {
            foreach (var row in Rows(block, columns))
            {
                string id = (string)row["id"]!;
                if ((string)row["collection_id"]! != from || (document is not null && id != document && (string)row["uri"]! != document)) continue;
                var present = await tx.Connection!.QuerySingleOrDefaultAsync<(string Id, long Version, long VersionNo, string Hash)?>(
                    "SELECT id, version, version_no, content_hash FROM documents WHERE collection_id = @to AND uri = @uri", new { to, uri = row["uri"] }, tx);
                long versionNo = (long)row["version_no"]!;
                if (present is not { } p)
                {
                    row["collection_id"] = to;
                    if (await tx.Connection!.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM documents WHERE id = @id", new { id }, tx) > 0) row["id"] = Ids.New(time);
                    await InsertAsync(tx, "documents", row);
                    plans[id] = new((string)row["id"]!, (long)row["version"]!, versionNo, null);
                }
                else if (p.Hash == (string)row["content_hash"]!) unchanged++;
                else
                {
                    (row["version"], row["updated_at"]) = (p.Version + 1, time.Microseconds());
                    foreach (string kept in new[] { "id", "collection_id", "uri", "created_at", "version_no", "groups" }) row.Remove(kept);
                    row["the_id"] = p.Id;
                    await tx.Connection!.ExecuteAsync(
                        $"UPDATE documents SET {string.Join(", ", row.Keys.Where(k => k != "the_id").Select(k => $"\"{k}\" = @{k}"))} WHERE id = @the_id", new DynamicParameters(row), tx);
                    plans[id] = new(p.Id, p.Version + 1, versionNo, p.VersionNo);
                }
            }
            count(block);
        }
        return (plans, unchanged);
    }

    /// <summary>Texts, under new numbers; for each current version of the backup, its number there and here.</summary>
    private async Task<Dictionary<long, long>> PutVersionsAsync(DbTransaction tx, BackupReader backup, Dictionary<string, Plan> plans, Action<RowBlock> count, CancellationToken ct)
    {
        var numbers = new Dictionary<long, long>();
        if (plans.Count == 0) return numbers;
        var columns = backup.Columns("document_versions");
        await foreach (var block in backup.ReadAsync("document_versions", ct))
        {
            foreach (var row in Rows(block, columns, r => plans.ContainsKey(RowFormat.Text(r, IndexOf(columns, "document_id")))))
            {
                var plan = plans[(string)row["document_id"]!];
                long no = (long)row["no"]!;
                bool current = no == plan.VersionNo;
                if (plan.Replaces is not null && !current) continue;
                row.Remove("no");
                row["document_id"] = plan.Id;
                if (current) row["version"] = plan.Version;
                long here = await InsertAsync<long>(tx, "document_versions", row, "no");
                if (!current) continue;
                numbers[no] = here;
                await tx.Connection!.ExecuteAsync("UPDATE documents SET version_no = @here WHERE id = @Id", new { here, plan.Id }, tx);
                if (plan.Replaces is null) continue;
                await tx.Connection!.ExecuteAsync("DELETE FROM chunks WHERE version_no = @Replaces", new { plan.Replaces }, tx);
                await tx.Connection!.ExecuteAsync("DELETE FROM document_versions WHERE document_id = @Id AND version <= @last", new { plan.Id, last = plan.Version - ingestion.KeepVersions }, tx);
            }
            count(block);
        }
        return numbers;
    }

    private async Task<long> PutChunksAsync(DbTransaction tx, BackupReader backup, Dictionary<long, long> numbers, Action<RowBlock> count, CancellationToken ct)
    {
        if (numbers.Count == 0) return 0;
        var columns = backup.Columns("chunks");
        int versionNo = IndexOf(columns, "version_no");
        var names = columns.Select(c => c.Name).ToList();
        var rows = new List<object?[]>(MaxBatch);
        long put = 0;
        await foreach (var block in backup.ReadAsync("chunks", ct))
        {
            foreach (var row in Rows(block, columns, r => numbers.ContainsKey(RowFormat.Integer(r, versionNo))))
            {
                row["version_no"] = numbers[(long)row["version_no"]!];
                rows.Add([.. names.Select(n => row[n])]);
                put++;
                if (rows.Count == MaxBatch) await FlushAsync();
            }
            count(block);
        }
        await FlushAsync();
        return put;

        async Task FlushAsync()
        {
            await database.InsertAsync(tx, "chunks", names, rows);
            rows.Clear();
        }
    }

    private static int IndexOf(IReadOnlyList<RecordColumn> columns, string name) => columns.Select((c, i) => (c.Name, i)).First(c => c.Name == name).i;

    private static List<Dictionary<string, object?>> Rows(RowBlock block, IReadOnlyList<RecordColumn> columns, RowFilter? wanted = null)
    {
        var rows = new List<Dictionary<string, object?>>();
        int start = 0;
        foreach (int end in block.Ends)
        {
            var bytes = block.Bytes.Span[start..end];
            start = end;
            if (wanted is not null && !wanted(bytes)) continue;
            var row = new Dictionary<string, object?>(columns.Count);
            for (int i = 0; i < columns.Count; i++) row[columns[i].Name] = RowFormat.Value(bytes, i, columns[i].Type);
            rows.Add(row);
        }
        return rows;
    }

    private delegate bool RowFilter(ReadOnlySpan<byte> row);

    private static Task InsertAsync(DbTransaction tx, string table, Dictionary<string, object?> row) => tx.Connection!.ExecuteAsync(Insert(table, row), new DynamicParameters(row), tx);

    private static async Task<T> InsertAsync<T>(DbTransaction tx, string table, Dictionary<string, object?> row, string returning) =>
        (await tx.Connection!.ExecuteScalarAsync<T>($"{Insert(table, row)} RETURNING \"{returning}\"", new DynamicParameters(row), tx))!;

    private static string Insert(string table, Dictionary<string, object?> row) =>
        $"INSERT INTO {table} ({string.Join(", ", row.Keys.Select(k => $"\"{k}\""))}) VALUES ({string.Join(", ", row.Keys.Select(k => "@" + k))})";
}
