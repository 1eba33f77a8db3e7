using System.Security.Cryptography;
using Dapper;
using Rag.Backup;
using Rag.Backup.OffSite;
using Rag.Evaluation;
using Rag.Foundation;
using Rag.Storage;
using Rag.Testing;

namespace Rag.Bench.Verify.Preserve;

/// <summary>
/// Copies to S3-compatible storage that runs, with faults in between. Whatever happens, no copy is listed as good whose bytes,
/// looked at on the storage's own disk, are not those of the backup.
/// </summary>
internal static class OffSiteCheck
{
    private const int Tries = 80, QuickTries = 10, LargeRows = 20, RowBytes = 750_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly string[] Kinds = ["nothing", "bits changed on the way", "connections cut", "500s", "slow and cut", "silence", "storage killed", "copier stopped", "bit changed there"];

    public static Check Check => new("off-site", "copies off-site that were listed as good and were not, with bits changed, connections cut, errors, silence and stops in between; and copies that never became good when the faults were over",
        Relation.AtMost, 0, MeasureAsync);

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        if (!S3Server.IsInstalled) throw new CannotMeasureException("Node and npm, which run the storage, are not installed here");
        await using var stores = new BackupStores();
        await using var storage = await S3Server.StartAsync(ct);
        await using var proxy = FaultProxy.Start(storage.Port);
        var service = await stores.StoreAsync(postgres: false, start: true, ct, [.. storage.Settings(proxy.Port), ("Backup:OffSite:StallSeconds", "2")]);
        await FillAsync(service, ct);
        var backup = await service.Get<BackupWriter>().CreateAsync(BackupKind.Monthly, null, ct);
        string folder = Path.Combine(stores.Backups, backup.Id);
        var copier = service.Get<OffSiteCopier>();
        var wrong = new List<string>();
        var tried = new SortedDictionary<string, int>(StringComparer.Ordinal);
        int tries = context.Quick ? QuickTries : Tries, good = 0, refused = 0;
        var random = new Random();
        for (int n = 0; n < tries; n++)
        {
            string kind = Kinds[n % Kinds.Length];
            tried[kind] = tried.GetValueOrDefault(kind) + 1;
            // Some go on with what the fault before left, others begin anew.
            if (random.Next(3) == 0) await copier.RemoveAsync(backup.Id, ct);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
            stop.CancelAfter(Patience);
            using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var fault = BreakAsync(kind, proxy, storage, backup.Id, random, stop, over.Token);
            // What changes there after it was read back is found the next time.
            if (kind == "bit changed there") await fault;
            try
            {
                if (kind == "bit changed there") await copier.VerifyAsync(backup.Id, null, stop.Token);
                else await copier.CopyAsync(backup.Id, null, stop.Token);
            }
            catch (Exception e) when (e is RagException or OperationCanceledException && !ct.IsCancellationRequested)
            {
                refused++;
            }
            await over.CancelAsync();
            await fault;
            foreach (var copy in (await service.Get<OffSiteCopies>().ListAsync(ct)).Where(c => c.Good))
            {
                good++;
                if (Difference(storage, folder, copy.BackupId) is { } difference) wrong.Add($"after {kind}: {difference}");
            }
        }
        await copier.CopyAsync(backup.Id, null, ct);
        var last = await service.Get<OffSiteCopies>().FindAsync(backup.Id, ct);
        if (last?.Good != true || Difference(storage, folder, backup.Id) is not null) wrong.Add("without a fault the copy did not become good");
        string note = $"{tries} tries of {backup.StoredBytes / 1e6:F0} MB: {string.Join(", ", tried.Select(t => $"{t.Value} {t.Key}"))}; {refused} were refused, {good} times a copy was listed as good";
        if (good == 0 || refused == 0) wrong.Add("the faults were all or none, which proves nothing");
        if (context.Quick) note += $"; smaller: {QuickTries} tries of {Tries}";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join("; ", wrong.Take(10))}");
    }

    /// <summary>Breaks something until the try is over, and mends it then.</summary>
    private static async Task BreakAsync(string kind, FaultProxy proxy, S3Server storage, string id, Random random, CancellationTokenSource stop, CancellationToken over)
    {
        try
        {
            switch (kind)
            {
                case "bits changed on the way":
                    proxy.FlipEveryBlocks = random.Next(150, 1_500);
                    await WaitAsync(random.Next(500, 6_000), over);
                    break;
                case "connections cut":
                    proxy.CutAfterBytes = random.Next(100_000, 6_000_000);
                    await WaitAsync(random.Next(500, 6_000), over);
                    break;
                case "500s":
                    while (!over.IsCancellationRequested)
                    {
                        await WaitAsync(random.Next(50, 1_500), over);
                        proxy.ServerError();
                        await WaitAsync(random.Next(50, 1_500), over);
                        proxy.Up();
                    }
                    break;
                case "slow and cut":
                    proxy.BytesPerSecond = random.Next(500_000, 8_000_000);
                    while (!over.IsCancellationRequested)
                    {
                        await WaitAsync(random.Next(500, 3_000), over);
                        proxy.Cut();
                    }
                    break;
                case "silence":
                    await WaitAsync(random.Next(20, 800), over);
                    proxy.Blackhole();
                    await WaitAsync(random.Next(500, 6_000), over);
                    break;
                case "storage killed":
                    await WaitAsync(random.Next(20, 1_500), over);
                    await storage.KillAsync();
                    await WaitAsync(random.Next(100, 1_000), over);
                    await storage.RestartAsync(CancellationToken.None);
                    break;
                case "copier stopped":
                    await WaitAsync(random.Next(20, 1_500), over);
                    await stop.CancelAsync();
                    break;
                case "bit changed there":
                    var there = storage.Objects("rag-system/" + id).Values.Where(f => new FileInfo(f).Length > 0).ToList();
                    if (there.Count == 0) break;
                    string file = there[random.Next(there.Count)];
                    byte[] bytes = await File.ReadAllBytesAsync(file, CancellationToken.None);
                    bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                    await File.WriteAllBytesAsync(file, bytes, CancellationToken.None);
                    break;
            }
        }
        finally
        {
            (proxy.FlipEveryBlocks, proxy.CutAfterBytes, proxy.BytesPerSecond) = (0, 0, 0);
            proxy.Up();
        }
    }

    private static async Task WaitAsync(int milliseconds, CancellationToken ct) => await Task.Delay(milliseconds, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>What differs between the backup here and what lies on the disk of the storage; null where nothing does.</summary>
    private static string? Difference(S3Server storage, string folder, string id)
    {
        var there = storage.Objects("rag-system/" + id);
        foreach (string file in Directory.EnumerateFiles(folder))
        {
            string name = Path.GetFileName(file);
            if (!there.TryGetValue(name, out string? path)) return $"{name} is not there";
            if (!Digest(file).AsSpan().SequenceEqual(Digest(path))) return $"{name} has other bytes";
        }
        return null;
    }

    private static byte[] Digest(string path)
    {
        using var file = File.OpenRead(path);
        return SHA256.HashData(file);
    }

    /// <summary>Rows that do not compress, so that files are sent in several pieces.</summary>
    private static async Task FillAsync(ScratchStore service, CancellationToken ct)
    {
        byte[] random = new byte[RowBytes];
        for (int i = 0; i < LargeRows; i++)
        {
            Random.Shared.NextBytes(random);
            await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync(
                "INSERT INTO answers (id, collection_id, created_at, outcome, body) VALUES (@id, 'none', 1, 'abstained', @body)", new { id = $"large-{i}", body = Convert.ToBase64String(random) }, tx), ct);
        }
    }
}
