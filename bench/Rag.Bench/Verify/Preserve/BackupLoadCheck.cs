using System.Collections.Concurrent;
using System.Text;
using Dapper;
using Rag.Backup;
using Rag.Evaluation;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Bench.Verify.Preserve;

/// <summary>
/// Backups while clients write, replace and remove documents, on both engines, each put back into an empty record of one or
/// the other. What must be in it is known from elsewhere: the acknowledged writes up to the backup's position.
/// </summary>
internal static class BackupLoadCheck
{
    private const int Runs = 20, QuickRuns = 2;
    private const int Writers = 3, KeysPerWriter = 40, WritesBetween = 12;

    public static IEnumerable<Check> All()
    {
        yield return new("backup-load", "tables that differ, and documents that are not those of the acknowledged writes up to the backup's position, in backups made under load and put back on either engine",
            Relation.AtMost, 0, MeasureAsync);
    }

    /// <param name="Text">Null: removed.</param>
    private sealed record Write(long Seq, string? Text);

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        BackupStores.RequirePostgres();
        await using var stores = new BackupStores();
        int runs = context.Quick ? QuickRuns : Runs;
        var wrong = new List<string>();
        long writes = 0, documents = 0, tables = 0;
        foreach (bool postgres in new[] { false, true })
        {
            var source = await stores.StoreAsync(postgres, start: true, ct);
            var model = new ConcurrentDictionary<string, List<Write>>();
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
            long acknowledged = 0;
            var writers = Enumerable.Range(0, Writers).Select(w => Task.Run(() => WriteAsync(source, model, w, () => Interlocked.Increment(ref acknowledged), stop.Token), ct)).ToList();
            var backups = new List<BackupInfo>();
            for (int run = 0; run < runs / 2; run++)
            {
                // Something must have been written since, or there would be nothing to tell the backups apart.
                long enough = Interlocked.Read(ref acknowledged) + WritesBetween;
                while (Interlocked.Read(ref acknowledged) < enough) await Task.Delay(5, ct);
                await Task.Delay(Random.Shared.Next(100), ct);
                backups.Add(await source.Get<BackupWriter>().CreateAsync(run % 4 == 3 ? BackupKind.Weekly : BackupKind.Daily, null, ct));
            }
            await stop.CancelAsync();
            await Task.WhenAll(writers);
            for (int run = 0; run < backups.Count; run++)
            {
                string where = $"run {run} from {(postgres ? "postgres" : "sqlite")}";
                var target = await stores.StoreAsync(postgres: run % 2 == 0 ? postgres : !postgres, start: false, ct);
                var reader = await target.Get<BackupCatalog>().OpenAsync(backups[run].Id, ct);
                await Restorer.RestoreIntoAsync(target.Get<Database>(), reader, RestoreInto.Empty, TimeProvider.System, null, ct);
                var restored = await TableDigests.OfAsync(target.Get<Database>(), ct, reader.Manifest.Position);
                foreach (var (table, count) in TableDigests.Of(reader.Manifest))
                {
                    tables++;
                    if (restored[table] != count) wrong.Add($"{where}: {table} has {restored[table].Rows} rows of {count.Rows}, or others");
                }
                documents += await CompareAsync(target, model, reader.Manifest.Position, where, wrong, ct);
                await stores.DropAsync(target);
            }
            // Nobody writes any more: what is read from the record itself must be what a backup of it gives back, table by table.
            var last = await source.Get<BackupWriter>().CreateAsync(BackupKind.Daily, null, ct);
            var quiet = await stores.StoreAsync(!postgres, start: false, ct);
            await Restorer.RestoreIntoAsync(quiet.Get<Database>(), await quiet.Get<BackupCatalog>().OpenAsync(last.Id, ct), RestoreInto.Empty, TimeProvider.System, null, ct);
            var (original, copy) = (await TableDigests.OfAsync(source.Get<Database>(), ct), await TableDigests.OfAsync(quiet.Get<Database>(), ct));
            foreach (var (table, count) in original)
                // The record that this backup is whole came after it.
                if (!table.StartsWith("audit_", StringComparison.Ordinal) && copy[table] != count) wrong.Add($"at rest, {(postgres ? "postgres" : "sqlite")}: {table} differs");
            writes += model.Values.Sum(w => w.Count);
            await stores.DropAsync(quiet);
        }
        if (documents == 0) throw new InvalidOperationException("Nothing was acknowledged before the backups, so that nothing was tested.");
        string note = $"{runs} runs, {writes} acknowledged writes, {tables} tables and {documents} documents compared";
        if (context.Quick) note += $"; smaller: {QuickRuns} runs of {Runs}";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join("; ", wrong.Take(10))}");
    }

    private static async Task WriteAsync(ScratchStore store, ConcurrentDictionary<string, List<Write>> model, int writer, Action wrote, CancellationToken stop)
    {
        var random = new Random(writer);
        var text = new GeneratedText(writer + 100);
        var collection = await store.Get<Collections>().EnsureAsync(Collections.Default, null, CancellationToken.None);
        while (!stop.IsCancellationRequested)
        {
            string uri = $"w{writer}-{random.Next(KeysPerWriter)}.txt";
            var history = model.GetOrAdd(uri, _ => []);
            try
            {
                if (history.Count > 0 && history[^1].Text is not null && random.Next(4) == 0)
                {
                    var document = await store.Get<DocumentRecord>().FindByUriAsync(collection.Id, uri, CancellationToken.None);
                    history.Add(new(await store.Get<DocumentRecord>().DeleteAsync(document!, CancellationToken.None), null));
                    wrote();
                    continue;
                }
                string written = text.Document(random.Next(1, 5));
                await foreach (var outcome in store.Get<Ingestor>().IngestAsync(collection, new(uri, Encoding.UTF8.GetBytes(written)), CancellationToken.None))
                    if (outcome.Position is { } seq) history.Add(new(seq, written));
                    else throw new InvalidOperationException($"{uri} was not taken in: {outcome.Status} {outcome.Message}");
                wrote();
            }
            catch (RagException e) when (e.Kind == ErrorKind.Unavailable)
            {
                // Refused, and not written: what is busy is tried again.
            }
        }
    }

    /// <summary>Compares the restored documents with the writes up to the position; returns how many there were.</summary>
    private static async Task<int> CompareAsync(ScratchStore target, ConcurrentDictionary<string, List<Write>> model, long position, string where, List<string> wrong, CancellationToken ct)
    {
        var expected = model.Select(m => (Uri: m.Key, m.Value.LastOrDefault(w => w.Seq <= position)?.Text)).Where(e => e.Text is not null).ToDictionary(e => e.Uri, e => e.Text!);
        await using var connection = await target.Get<Database>().OpenAsync(ct);
        var restored = (await connection.QueryAsync<(string Uri, string Text)>("SELECT d.uri, v.text FROM documents d JOIN document_versions v ON v.no = d.version_no")).ToDictionary(d => d.Uri, d => d.Text);
        foreach (var (uri, text) in expected)
            if (!restored.Remove(uri, out string? there)) wrong.Add($"{where}: {uri} was acknowledged by {position} and is not in the backup");
            else if (Words(there) != Words(text)) wrong.Add($"{where}: {uri} is of another write");
        foreach (string uri in restored.Keys) wrong.Add($"{where}: {uri} is in the backup and was removed, or written after {position}");
        return expected.Count;
    }

    /// <summary>The parser may set white space anew.</summary>
    private static string Words(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
