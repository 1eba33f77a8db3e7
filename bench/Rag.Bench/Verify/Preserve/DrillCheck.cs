using System.Text;
using Dapper;
using Rag.Answering;
using Rag.Backup;
using Rag.Backup.Drills;
using Rag.Evaluation;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Bench.Verify.Preserve;

/// <summary>
/// Drills on both engines with a damage in each, put in between the steps of the drill: rows that are missing, changed or too
/// many after the restore, and an index that answers otherwise than the record. Each must be found, and a whole backup must pass.
/// </summary>
internal static class DrillCheck
{
    private const int Seeds = 60, QuickSeeds = 10, Facts = 40, GoldenFacts = 12;

    private static readonly string[] Kinds = ["missing row", "changed row", "row too many", "index without a document", "index of another text", "index of fewer chunks"];

    public static Check Check => new("drill", "seeded damages that a drill did not find, and whole backups that it did not pass: rows missing, changed and too many, an index that answers otherwise; on both engines",
        Relation.AtMost, 0, MeasureAsync);

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        BackupStores.RequirePostgres();
        await using var stores = new BackupStores();
        var missed = new List<string>();
        var tried = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var seconds = new List<double>();
        int seeds = context.Quick ? QuickSeeds : Seeds;
        foreach (bool postgres in new[] { false, true })
        {
            var source = await stores.StoreAsync(postgres, start: true, ct);
            await FillAsync(source, ct);
            var backup = await source.Get<BackupWriter>().CreateAsync(BackupKind.Daily, null, ct);
            var whole = await source.Get<Drill>().RunAsync(backup.Id, false, null, ct);
            seconds.Add(whole.Seconds.FirstAnswer);
            if (!whole.Passed) missed.Add($"a whole backup on {source.Get<Database>().Provider} did not pass: {whole.Problem}");
            if (whole.Questions.Golden < GoldenFacts / 2) missed.Add($"{whole.Questions.Golden} questions were kept of {GoldenFacts}");
            for (int n = 0; n < seeds / 2; n++)
            {
                string kind = Kinds[n % Kinds.Length];
                tried[kind] = tried.GetValueOrDefault(kind) + 1;
                var target = await stores.StoreAsync(postgres, start: false, ct);
                var run = new DrillRun(await source.Get<BackupCatalog>().OpenAsync(backup.Id, ct), target, source.Get<BackupOptions>(), TimeProvider.System, null);
                string what = await SeedAsync(run, target, kind, ct);
                if (run.Checks.All(c => c.Passed)) missed.Add($"{target.Get<Database>().Provider}: {kind}: {what}");
                await stores.DropAsync(target);
            }
        }
        string note = $"{tried.Values.Sum()} damages: {string.Join(", ", tried.Select(t => $"{t.Value} {t.Key}"))}; whole backups passed, first answer after {string.Join(" and ", seconds.Select(s => $"{s:F1} s"))} (SQLite, PostgreSQL)";
        if (context.Quick) note += $"; smaller: {QuickSeeds} damages of {Seeds}";
        return new(missed.Count, missed.Count == 0 ? note : $"{note}; missed: {string.Join("; ", missed.Take(10))}");
    }

    /// <summary>Does the steps of a drill with the damage in its place; says what was damaged.</summary>
    private static async Task<string> SeedAsync(DrillRun run, ScratchStore target, string kind, CancellationToken ct)
    {
        var random = new Random();
        string what = "";
        await run.RestoreAsync(ct);
        if (kind is "missing row" or "changed row" or "row too many") what = await DamageRowAsync(target.Get<Database>(), kind, random, ct);
        await run.CompareAsync(ct);
        // A document that one of the questions kept is about: what is damaged is what they are answered with.
        string document = $"fact-{random.Next(GoldenFacts)}.txt";
        (string Sql, string Undo)? between = kind switch
        {
            "index of another text" => ("UPDATE document_versions SET text = REPLACE(text, 'cabinet', 'cellar:') WHERE no = (SELECT version_no FROM documents WHERE uri = @document)", "UPDATE document_versions SET text = REPLACE(text, 'cellar:', 'cabinet') WHERE no = (SELECT version_no FROM documents WHERE uri = @document)"),
            "index of fewer chunks" => ("DELETE FROM chunks WHERE version_no = (SELECT version_no FROM documents WHERE uri = @document)", ""),
            _ => null,
        };
        if (between is { } b) await ExecuteAsync(target, b.Sql, document, ct);
        await run.IndexAsync(ct);
        if (between is { Undo.Length: > 0 }) await ExecuteAsync(target, between.Value.Undo, document, ct);
        if (kind == "index without a document") await RemoveFromIndexAsync(target, document, ct);
        await run.VerifyIndexAsync(ct);
        await run.AskAsync(ct);
        return what.Length > 0 ? what : document;
    }

    private static async Task<string> DamageRowAsync(Database database, string kind, Random random, CancellationToken ct)
    {
        List<RecordTable> tables;
        await using (var connection = await database.OpenAsync(ct)) tables = [.. (await database.TablesAsync(connection, ct)).Where(t => TableClasses.IsSaved(t.Name))];
        for (int attempt = 0; attempt < 200; attempt++)
        {
            var table = tables[random.Next(tables.Count)];
            string key = string.Join(" AND ", table.Key.Select((k, i) => $"\"{k}\" = @k{i}"));
            try
            {
                string? done = await database.WriteAsync(async tx =>
                {
                    long rows = await tx.Connection!.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM \"{table.Name}\"", transaction: tx);
                    if (rows == 0) return null;
                    var row = (IDictionary<string, object?>)await tx.Connection!.QuerySingleAsync($"SELECT * FROM \"{table.Name}\" ORDER BY {string.Join(", ", table.Key)} LIMIT 1 OFFSET {random.NextInt64(rows)}", transaction: tx);
                    var values = new DynamicParameters();
                    for (int i = 0; i < table.Key.Count; i++) values.Add($"k{i}", row[table.Key[i]]);
                    if (kind == "missing row") return await tx.Connection!.ExecuteAsync($"DELETE FROM \"{table.Name}\" WHERE {key}", values, tx) > 0 ? $"a row of {table.Name}" : null;
                    if (kind == "row too many")
                    {
                        var other = new DynamicParameters();
                        foreach (var (name, value) in row) other.Add(name, table.Key[^1] == name ? Other(value, random) : value);
                        await tx.Connection!.ExecuteAsync($"INSERT INTO \"{table.Name}\" ({string.Join(", ", row.Keys.Select(k => $"\"{k}\""))}) VALUES ({string.Join(", ", row.Keys.Select(k => "@" + k))})", other, tx);
                        return $"a row of {table.Name}";
                    }
                    var column = table.Columns[random.Next(table.Columns.Count)];
                    if (row[column.Name] is null) return null;
                    values.Add("value", Other(row[column.Name], random));
                    return await tx.Connection!.ExecuteAsync($"UPDATE \"{table.Name}\" SET \"{column.Name}\" = @value WHERE {key}", values, tx) > 0 ? $"{table.Name}.{column.Name}" : null;
                }, ct);
                if (done is not null) return done;
            }
            catch (Exception e) when (e is RagException or System.Data.Common.DbException)
            {
                // The schema itself refuses this one; another is tried.
            }
        }
        throw new CannotMeasureException("no row could be damaged");
    }

    private static object? Other(object? value, Random random) => value switch
    {
        long number => number + random.Next(1, 100),
        int number => number + random.Next(1, 100),
        double number => number + 1,
        byte[] { Length: > 0 } bytes => Flipped(bytes, random),
        byte[] => new byte[] { 1 },
        string text => text + (char)('a' + random.Next(26)),
        _ => value,
    };

    private static byte[] Flipped(byte[] bytes, Random random)
    {
        byte[] other = [.. bytes];
        other[random.Next(other.Length)] ^= (byte)(1 << random.Next(8));
        return other;
    }

    private static async Task RemoveFromIndexAsync(ScratchStore target, string uri, CancellationToken ct)
    {
        var collection = await target.Get<Collections>().GetAsync(Collections.Default, ct);
        var document = (await target.Get<DocumentRecord>().FindByUriAsync(collection.Id, uri, ct))!;
        var index = target.Get<IndexStore>().Find(collection.Id)!;
        index.Remove(document.Id);
        index.Show(index.Position);
    }

    private static async Task ExecuteAsync(ScratchStore target, string sql, string document, CancellationToken ct) =>
        await target.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(sql, new { document }, tx), ct);

    /// <summary>Documents of which each says one thing; the last of them are asked for.</summary>
    private static async Task FillAsync(ScratchStore store, CancellationToken ct)
    {
        var collection = await store.Get<Collections>().EnsureAsync(Collections.Default, null, ct);
        var text = new GeneratedText(9);
        for (int i = 0; i < Facts; i++)
            await foreach (var _ in store.Get<Ingestor>().IngestAsync(collection, new($"fact-{i}.txt", Encoding.UTF8.GetBytes($"The {Thing(i)} is kept in the cabinet of room {i * 7 + 11}.\n\n{text.Document(20)}")), ct)) { }
        await store.Get<IIndexer>().WaitForAsync(await store.Get<ChangeLog>().LastAsync(ct), TimeSpan.FromMinutes(2), ct);
        for (int i = 0; i < GoldenFacts; i++)
        {
            var (answer, _) = await store.Get<Answerer>().AskAsync(new($"Where is the {Thing(i)} kept?"), ct);
            if (answer.Answer.Outcome != Answer.Answered) throw new CannotMeasureException($"the question for the {Thing(i)} is not answered");
        }
        // Answers are kept behind the answer.
        while (await CountAsync(store, ct) < GoldenFacts) await Task.Delay(20, ct);
    }

    private static async Task<long> CountAsync(ScratchStore store, CancellationToken ct)
    {
        await using var connection = await store.Get<Database>().OpenAsync(ct);
        return await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM answers");
    }

    private static string Thing(int i) => $"{Shapes[i % Shapes.Length]} {Tools[i / Shapes.Length % Tools.Length]}";

    private static readonly string[] Shapes = ["copper", "wooden", "silver", "golden", "leather", "marble", "velvet"], Tools = ["compass", "lantern", "telescope", "barometer", "sextant", "hourglass"];
}
