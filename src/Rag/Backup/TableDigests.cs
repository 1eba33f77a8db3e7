using Rag.Storage;

namespace Rag.Backup;

/// <param name="Digest">As <see cref="TableDigest"/> has it.</param>
internal sealed record TableCount(long Rows, string Digest);

/// <summary>Counts and digests of the tables of a record, to compare with those of a backup or of another record.</summary>
internal static class TableDigests
{
    /// <summary>Of every table that a backup holds, all from one state.</summary>
    /// <param name="position">Of the change log only what goes up to it: a record that went on, or that was restored, has more.</param>
    public static async Task<IReadOnlyDictionary<string, TableCount>> OfAsync(Database database, CancellationToken ct, long? position = null)
    {
        await using var snapshot = await database.SnapshotAsync(ct);
        var digests = new SortedDictionary<string, TableCount>(StringComparer.Ordinal);
        foreach (var table in await database.TablesAsync(snapshot.Connection, ct))
        {
            if (!TableClasses.IsSaved(table.Name)) continue;
            var digest = new TableDigest();
            int seq = table.Name == "change_log" && position is not null ? table.Columns.Select((c, i) => (c.Name, i)).First(c => c.Name == "seq").i : -1;
            await foreach (var block in snapshot.ReadAsync(table, ct))
            {
                if (seq < 0) digest.Add(block);
                else AddUpTo(digest, block, seq, position!.Value);
            }
            digests[table.Name] = new(digest.Rows, digest.ToString());
        }
        return digests;
    }

    /// <summary>Of the tables that a backup holds, as its manifest says.</summary>
    public static IReadOnlyDictionary<string, TableCount> Of(BackupManifest manifest)
    {
        var digests = new SortedDictionary<string, TableCount>(StringComparer.Ordinal);
        foreach (var parts in manifest.Parts.Where(p => p.Kind == PartKind.Rows).GroupBy(p => p.Name))
        {
            var digest = new TableDigest();
            foreach (var part in parts) digest.Add(part.Digest!, part.Rows);
            digests[parts.Key] = new(digest.Rows, digest.ToString());
        }
        return digests;
    }

    private static void AddUpTo(TableDigest digest, RowBlock block, int seq, long position)
    {
        int start = 0;
        foreach (int end in block.Ends)
        {
            var row = block.Bytes.Span[start..end];
            if (RowFormat.Integer(row, seq) <= position) digest.Add(row);
            start = end;
        }
    }
}
