using System.Diagnostics;
using System.Globalization;
using Dapper;
using Microsoft.Extensions.Configuration;
using Npgsql;
using Rag.Answering;
using Rag.Backup;
using Rag.Evaluation;
using Rag.Storage;
using Rag.Testing;

namespace Rag.Bench.Verify.Preserve;

/// <summary>
/// What a backup and a restore of <see cref="Chunks"/> chunks cost, beside the disk and beside PostgreSQL's own pg_dump and
/// pg_restore, all in one run.
/// </summary>
internal static class BackupSpeedChecks
{
    private const int Chunks = 100_000, QuickChunks = 4_000;
    private const int Rounds = 3;

    private static Task<Figures>? _figures;

    private sealed record Memory(double Mb, double ResidentMb);

    private sealed record Figures(
        double RecordMb, double StoredMb, double DiskMbPerSecond, double SqliteSeconds, double PostgresSeconds, double DumpSeconds, double DumpMb, double NowhereSeconds, double BareRestoreSeconds, double RestoreSeconds, double AnswerSeconds, Memory BackupMemory, Memory RestoreMemory, bool Quick)
    {
        public string Sides => string.Create(CultureInfo.InvariantCulture,
            $"record {RecordMb:F0} MB, stored {StoredMb:F0} MB; disk {DiskMbPerSecond:F0} MB/s; backup {SqliteSeconds:F2} s (sqlite), {PostgresSeconds:F2} s (postgres); pg_dump -Fc {DumpSeconds:F2} s, {DumpMb:F0} MB, and {NowhereSeconds:F2} s uncompressed to nowhere ({RecordMb / NowhereSeconds / DiskMbPerSecond:F2} of the disk's rate); pg_restore {BareRestoreSeconds:F2} s; restore {RestoreSeconds:F2} s, first answer after {AnswerSeconds:F2} s{(Quick ? $"; smaller: {QuickChunks} chunks of {Chunks}" : "")}");
    }

    public static IEnumerable<Check> All()
    {
        yield return new("backup-speed-write", "megabytes of the record that a backup takes in each second over those that the disk writes sequentially, the slower engine's", Relation.AtLeast, 0.5, async (context, ct) =>
        {
            var f = await FiguresAsync(context, ct);
            double slower = Math.Max(f.SqliteSeconds, f.PostgresSeconds);
            return new(Math.Round(f.RecordMb / slower / f.DiskMbPerSecond, 3), string.Create(CultureInfo.InvariantCulture, $"{f.Sides}; of what is stored {f.StoredMb / slower / f.DiskMbPerSecond:F3} of the disk's rate"));
        });
        yield return new("backup-speed-restore", "time of a restore to the first answered question over that of a bare pg_restore of the same record", Relation.AtMost, 3, async (context, ct) =>
        {
            var f = await FiguresAsync(context, ct);
            return new(Math.Round(f.AnswerSeconds / f.BareRestoreSeconds, 2), f.Sides);
        });
        yield return new("backup-speed-memory", "most memory of the process that the kernel cannot drop (anonymous and shared), while it makes and while it puts back a backup, megabytes", Relation.AtMost, 300, async (context, ct) =>
        {
            var f = await FiguresAsync(context, ct);
            return new(Math.Round(Math.Max(f.BackupMemory.Mb, f.RestoreMemory.Mb)), string.Create(CultureInfo.InvariantCulture,
                $"{f.BackupMemory.Mb:F0} MB making it, {f.RestoreMemory.Mb:F0} MB putting it back into an empty record and its index; with the pages of mapped files, which the kernel drops when it needs them, {f.BackupMemory.ResidentMb:F0} and {f.RestoreMemory.ResidentMb:F0} MB; {f.Sides}"));
        });
    }

    private static Task<Figures> FiguresAsync(CheckContext context, CancellationToken ct) => _figures ??= MeasureAsync(context.Quick, ct);

    private static async Task<Figures> MeasureAsync(bool quick, CancellationToken ct)
    {
        BackupStores.RequirePostgres();
        string pgDump = ChildServer.Find("pg_dump") ?? throw new CannotMeasureException("pg_dump is not installed here"), pgRestore = ChildServer.Find("pg_restore") ?? throw new CannotMeasureException("pg_restore is not installed here");
        await using var stores = new BackupStores();
        // With everything on the disk when it is said to be, on both sides.
        var postgres = await stores.PostgresAsync(ct, ["fsync=on", "full_page_writes=on", "shared_buffers=128MB", "max_wal_size=2GB"]);
        await using var generated = await GeneratedStore.CreateAsync(quick ? QuickChunks : Chunks, ct, Settings.With(
            ("Backup:KeyFile", stores.KeyFile), ("Backup:Directory", stores.Backups), ("Audit:KeyFile", AuditKeyFile.Shared), ("Caching:Enabled", "false")));
        await generated.Get<Database>().ScrubAsync(ct);
        var first = await BackUpAsync(generated, ct);
        // The same record on PostgreSQL.
        var source = await stores.StoreAsync(postgres: true, start: false, ct);
        await Restorer.RestoreIntoAsync(source.Get<Database>(), await source.Get<BackupCatalog>().OpenAsync(first.Info.Id, ct), RestoreInto.Empty, TimeProvider.System, null, ct);
        string database = ConnectionString(source);
        foreach (string settle in new[] { "VACUUM ANALYZE", "CHECKPOINT" }) await postgres.ExecuteAsync(settle, ct, new NpgsqlConnectionStringBuilder(database).Database!);
        double disk = 0, sqlite = double.MaxValue, ours = double.MaxValue, dump = double.MaxValue, nowhere = double.MaxValue;
        string dumped = Path.Combine(stores.Folder, "bare.dump");
        BackupInfo last = first.Info;
        for (int round = 0; round < Rounds; round++)
        {
            // In turns, so that what else the machine does falls on all of them.
            disk = Math.Max(disk, DiskMbPerSecond(stores.Folder, first.Info.StoredBytes));
            sqlite = Math.Min(sqlite, (await BackUpAsync(generated, ct)).Seconds);
            var made = await BackUpAsync(source, ct);
            (last, ours) = (made.Info, Math.Min(ours, made.Seconds));
            dump = Math.Min(dump, await TimeAsync(() => ChildServer.RunAsync(pgDump, ["--format=custom", "--file=" + dumped, "--dbname=" + Uri(database)], ct)));
            nowhere = Math.Min(nowhere, await TimeAsync(() => ChildServer.RunAsync(pgDump, ["--format=custom", "--compress=0", "--no-sync", "--file=/dev/null", "--dbname=" + Uri(database)], ct)));
        }
        double bare = double.MaxValue, restore = double.MaxValue, answer = double.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            string empty = await postgres.CreateDatabaseAsync(ct);
            bare = Math.Min(bare, await TimeAsync(() => ChildServer.RunAsync(pgRestore, ["--dbname=" + Uri(empty), dumped], ct)));
            await postgres.DropDatabaseAsync(empty, ct);
            var target = await stores.StoreAsync(postgres: true, start: true, ct, ("Inference:Provider", "local"));
            long started = Stopwatch.GetTimestamp();
            var result = await target.Get<Restorer>().RestoreAsync(last.Id, null, null, RestoreInto.Empty, null, ct);
            await target.Get<Answerer>().AskAsync(new AskRequest(new GeneratedText(9).QuestionOn(new GeneratedText(7).Paragraph(3)), null), ct);
            answer = Math.Min(answer, Stopwatch.GetElapsedTime(started).TotalSeconds);
            restore = Math.Min(restore, result.Seconds);
            string restored = ConnectionString(target);
            await stores.DropAsync(target);
            await postgres.DropDatabaseAsync(restored, ct);
        }
        await generated.StopAsync();
        // In processes of their own, so that their memory is their own.
        var backupMemory = await PeakAsync(stores.Flags(), generated.DataDirectory, ["backup", "create"], ct);
        var restoreMemory = await PeakAsync(stores.Flags(), Path.Combine(stores.Folder, "restored"), ["backup", "restore", last.Id], ct);
        return new(first.Info.PlainBytes / 1e6, first.Info.StoredBytes / 1e6, disk, sqlite, ours, dump, new FileInfo(dumped).Length / 1e6, nowhere, bare, restore, answer, backupMemory, restoreMemory, quick);
    }

    private static async Task<(BackupInfo Info, double Seconds)> BackUpAsync(ScratchStore store, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        var info = await store.Get<BackupWriter>().CreateAsync(BackupKind.Daily, null, ct);
        return (info, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>Writes as much as the backup stores, in one go, to the same disk, and waits until it is there.</summary>
    private static double DiskMbPerSecond(string folder, long bytes)
    {
        byte[] block = new byte[1024 * 1024];
        new Random(1).NextBytes(block);
        string path = Path.Combine(folder, "sequential");
        long started = Stopwatch.GetTimestamp(), written = 0;
        using (var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            for (; written < Math.Max(bytes, 64_000_000); written += block.Length) file.Write(block);
            file.Flush(flushToDisk: true);
        }
        double rate = written / 1e6 / Stopwatch.GetElapsedTime(started).TotalSeconds;
        File.Delete(path);
        return rate;
    }

    private static async Task<double> TimeAsync(Func<Task> work)
    {
        long started = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Runs the executable to its end; the most memory that it had (RssAnon, RssShmem and VmHWM of proc(5)).</summary>
    private static async Task<Memory> PeakAsync(string[] flags, string data, string[] command, CancellationToken ct)
    {
        await using var process = ChildServer.Start(Path.Combine(AppContext.BaseDirectory, "rag"), [.. command, "--data", data, .. flags.SelectMany(f => new[] { "--set", f })]);
        double peak = 0, resident = 0;
        while (!process.HasExited)
        {
            try
            {
                var lines = (await File.ReadAllLinesAsync($"/proc/{process.Id}/status", ct)).Select(l => l.Split(':')).ToLookup(l => l[0], l => l[^1]);
                peak = Math.Max(peak, Mb(lines["RssAnon"]) + Mb(lines["RssShmem"]));
                resident = Math.Max(resident, Mb(lines["VmHWM"]));
            }
            catch (IOException)
            {
                // It ended just now.
            }
            await Task.Delay(20, ct);
        }
        await process.WaitForExitAsync(ct);
        return process.ExitCode == 0 ? new(peak, resident) : throw new InvalidOperationException($"rag {string.Join(' ', command)} ended with {process.ExitCode}: {process.Output}");

        // Of a process that has ended there are none.
        static double Mb(IEnumerable<string> kilobytes) => kilobytes.Select(k => double.Parse(k.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture) / 1024).FirstOrDefault();
    }

    private static string ConnectionString(ScratchStore store) => store.Get<StorageOptions>().Postgres.ConnectionString!;

    /// <summary>As libpq takes it.</summary>
    private static string Uri(string connectionString)
    {
        var c = new NpgsqlConnectionStringBuilder(connectionString);
        return string.Create(CultureInfo.InvariantCulture, $"postgresql://{c.Username}@{c.Host}:{c.Port}/{c.Database}");
    }
}
