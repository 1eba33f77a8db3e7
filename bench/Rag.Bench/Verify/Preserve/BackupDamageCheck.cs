using Rag.Backup;
using Rag.Evaluation;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Storage;
using System.Text;

namespace Rag.Bench.Verify.Preserve;

/// <summary>Backups that somebody changed, cut off, mixed up or put in another's place: each must be refused, with nothing touched.</summary>
internal static class BackupDamageCheck
{
    private const int Cases = 1_000, QuickCases = 60;
    private const int Documents = 30;

    public static IEnumerable<Check> All()
    {
        yield return new("backup-damage", "damaged backups that were taken for good, or touched the record that they were to be put into: single bytes, truncations, swapped and missing parts, wrong keys, older manifests",
            Relation.AtMost, 0, MeasureAsync);
    }

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        await using var stores = new BackupStores();
        int cases = context.Quick ? QuickCases : Cases;
        var source = await stores.StoreAsync(postgres: false, start: true, ct, ("Backup:PartMb", "1"));
        var collection = await source.Get<Collections>().EnsureAsync(Collections.Default, null, ct);
        var text = new GeneratedText(5);
        async Task PutAsync(int from, int to)
        {
            for (int i = from; i < to; i++)
                await foreach (var _ in source.Get<Ingestor>().IngestAsync(collection, new($"d{i}.txt", Encoding.UTF8.GetBytes(text.Document(40))), ct)) { }
        }
        await PutAsync(0, Documents);
        var older = await source.Get<BackupWriter>().CreateAsync(BackupKind.Daily, null, ct);
        await PutAsync(Documents, 2 * Documents);
        var newer = await source.Get<BackupWriter>().CreateAsync(BackupKind.Weekly, null, ct);
        string folder = Path.Combine(stores.Backups, newer.Id), olderFolder = Path.Combine(stores.Backups, older.Id);
        var files = Directory.EnumerateFiles(folder).ToDictionary(f => f, File.ReadAllBytes);
        var target = await stores.StoreAsync(postgres: false, start: false, ct);
        var victim = await target.Get<Collections>().EnsureAsync("precious", null, ct);
        await foreach (var _ in target.Get<Ingestor>().IngestAsync(victim, new("precious.txt", "This must stay."u8.ToArray()), ct)) { }
        var untouched = await TableDigests.OfAsync(target.Get<Database>(), ct);
        var random = new Random();
        var wrong = new List<string>();
        var tried = new SortedDictionary<string, int>(StringComparer.Ordinal);
        string otherKey = Path.Combine(stores.Folder, "other.pem");
        for (int n = 0; n < cases; n++)
        {
            // Most are single bytes: there are the most places for them.
            string kind = (n % 10) switch { 6 => "truncation", 7 => random.Next(2) == 0 ? "swapped parts" : "part of another backup", 8 => "missing part", 9 => random.Next(3) switch { 0 => "wrong key", 1 => "older manifest", _ => "older backup" }, _ => "single byte" };
            tried[kind] = tried.GetValueOrDefault(kind) + 1;
            var damaged = files.Keys.ElementAt(random.Next(files.Count));
            byte[] bytes = files[damaged];
            string keyFile = stores.KeyFile;
            switch (kind)
            {
                case "single byte":
                    byte[] changed = [.. bytes];
                    changed[random.Next(changed.Length)] ^= (byte)random.Next(1, 256);
                    await File.WriteAllBytesAsync(damaged, changed, ct);
                    break;
                case "truncation":
                    await File.WriteAllBytesAsync(damaged, bytes[..random.Next(bytes.Length)], ct);
                    break;
                case "swapped parts":
                    string[] two = [.. files.Keys.Where(f => f.EndsWith(".part", StringComparison.Ordinal)).OrderBy(_ => random.Next()).Take(2)];
                    await File.WriteAllBytesAsync(two[0], files[two[1]], ct);
                    await File.WriteAllBytesAsync(two[1], files[two[0]], ct);
                    break;
                case "part of another backup":
                    string name = Path.GetFileName(Directory.EnumerateFiles(olderFolder, "*.part").OrderBy(_ => random.Next()).First());
                    File.Copy(Path.Combine(olderFolder, name), Path.Combine(folder, name), overwrite: true);
                    break;
                case "missing part":
                    File.Delete(damaged);
                    break;
                case "wrong key":
                    File.Delete(otherKey);
                    BackupKeys.Create(otherKey);
                    keyFile = otherKey;
                    break;
                case "older manifest":
                    File.Copy(Path.Combine(olderFolder, ManifestFile.Name), Path.Combine(folder, ManifestFile.Name), overwrite: true);
                    break;
                default:
                    foreach (string file in Directory.EnumerateFiles(folder)) File.Delete(file);
                    foreach (string file in Directory.EnumerateFiles(olderFolder)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
                    break;
            }
            if (await IsTakenAsync(target, folder, keyFile, newer.Id, ct)) wrong.Add($"{kind} in {Path.GetFileName(damaged)} was taken for good");
            if (n % 20 == 0 || n == cases - 1)
                foreach (var (table, count) in await TableDigests.OfAsync(target.Get<Database>(), ct))
                    if (untouched[table] != count) wrong.Add($"{kind}: {table} was touched");
            foreach (string file in Directory.EnumerateFiles(folder)) if (!files.ContainsKey(file)) File.Delete(file);
            foreach (var (file, content) in files)
                if (kind is not "single byte" and not "truncation" and not "missing part" || file == damaged) await File.WriteAllBytesAsync(file, content, ct);
        }
        // What is whole again is taken: the refusals were for the damage.
        if (!await IsTakenAsync(target, folder, stores.KeyFile, newer.Id, ct)) wrong.Add("the undamaged backup was refused");
        string note = $"{cases} cases: {string.Join(", ", tried.Select(t => $"{t.Value} {t.Key}"))}; the undamaged backup was restored afterwards";
        if (context.Quick) note += $"; smaller: {QuickCases} cases of {Cases}";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join("; ", wrong.Take(10))}");
    }

    private static async Task<bool> IsTakenAsync(ScratchStore target, string folder, string keyFile, string id, CancellationToken ct)
    {
        try
        {
            var reader = await BackupReader.OpenAsync(folder, BackupKeys.Read(keyFile), ct);
            if (reader.Manifest.Id != id) return true;
            await Restorer.RestoreIntoAsync(target.Get<Database>(), reader, RestoreInto.Running, TimeProvider.System, null, ct);
            return true;
        }
        catch (RagException e) when (e.Kind is ErrorKind.Invalid or ErrorKind.Unsupported or ErrorKind.Unavailable)
        {
            return false;
        }
    }
}
