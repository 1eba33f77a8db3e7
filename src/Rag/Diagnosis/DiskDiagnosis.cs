using System.Diagnostics;
using System.Globalization;
using Rag.Storage;

namespace Rag.Diagnosis;

/// <summary>The file system of the data directory: room, nodes, whether and how fast it can be written to, and what takes the room.</summary>
internal sealed class DiskDiagnosis(StorageOptions options) : IDiagnosis
{
    private const long LowBytes = 512_000_000, FullBytes = 16_000_000;
    private const double LowShare = 0.1, FewInodes = 0.05;
    private const int WriteBytes = 1_048_576, Writes = 5;
    private const double SlowMs = 100;
    private const int MaxFiles = 200_000;
    private const int NoSpace = 28, ReadOnlyFileSystem = 30, QuotaExceeded = 122;

    public string Area => Areas.Disk;

    public async Task<IReadOnlyList<Finding>> LookAsync(DoctorRequest request, CancellationToken ct)
    {
        var findings = new Findings(Area);
        string path = Path.GetFullPath(options.DataDirectory), existing = path;
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } parent) existing = parent;
        if (existing != path) findings.Notice("absent", "There is no data directory yet.", path, $"The first start makes it; what follows is about {existing}.", "rag config show");
        var drive = new DriveInfo(existing);
        string room = string.Create(CultureInfo.InvariantCulture, $"{drive.AvailableFreeSpace / 1e6:F0} MB of {drive.TotalSize / 1e6:F0} MB are free where {existing} lies");
        string uses = existing == path ? Uses(path, ct) : "";
        var (error, medianMs, slowestMs) = await WriteAsync(existing, ct);
        Judge(findings, drive, room, uses, path, error);
        string speed = string.Create(CultureInfo.InvariantCulture, $"writing and synchronising {WriteBytes / 1024} KiB took {medianMs:F1} ms in the middle of {Writes}, {slowestMs:F1} ms at most");
        if (error is null && medianMs > SlowMs) findings.Warning("slow", "The disk synchronises slowly.", speed, "Every acknowledged write waits for it.", "iostat -x 1 5");
        string nodes = "";
        if (FileSystem.Inodes(existing) is { } inodes)
        {
            double free = inodes.Free / (double)inodes.Total;
            nodes = string.Create(CultureInfo.InvariantCulture, $"; {100 * free:F0} % of its nodes are free");
            if (free < FewInodes) findings.Warning("inodes", "The file system has hardly any nodes left.", $"{inodes.Free:N0} of {inodes.Total:N0}", "No new file can be made though there is room: the index stops.", $"du --inodes -xd2 '{existing}' | sort -n | tail");
        }
        if (findings.Well) findings.Ok("room", "There is room, and it can be written to.", $"{room}{nodes}; {speed}{(uses.Length > 0 ? "; " : "")}{uses}");
        return findings;
    }

    private static void Judge(Findings findings, DriveInfo drive, string room, string uses, string path, Exception? error)
    {
        string evidence = uses.Length > 0 ? $"{room}; {uses}" : room;
        string next = $"du -xd1 '{path}' | sort -n";
        const string Stops = "Writes are refused with 507 until there is room; questions go on. Nothing that was acknowledged is lost.";
        int code = error is IOException io ? io.HResult & 0xffff : 0;
        if (code is NoSpace or QuotaExceeded || drive.AvailableFreeSpace < FullBytes)
            findings.Critical("full", "The disk that holds the data directory is full.", error is null ? evidence : $"{evidence}; a test write failed: {error.Message}", Stops, next);
        else if (error is UnauthorizedAccessException)
            findings.Critical("permission", "The data directory cannot be written to by this user.", error.Message, "The server does not start with it.", $"ls -ld '{path}'");
        else if (code == ReadOnlyFileSystem)
            findings.Critical("read_only", "The file system of the data directory is read-only.", error!.Message, "Nothing can be written. A file system that became read-only by itself has met errors of its disk.", "dmesg | tail -50");
        else if (error is not null)
            findings.Critical("error", "The data directory cannot be written to.", error.Message, "Nothing can be written.", "dmesg | tail -50");
        else if (drive.AvailableFreeSpace < LowBytes || drive.AvailableFreeSpace < LowShare * drive.TotalSize)
            findings.Warning("low", "The disk that holds the data directory is nearly full.", evidence, Stops, next);
    }

    /// <summary>Writes a file there several times and removes it; what went wrong, or how long it took, milliseconds.</summary>
    private static async Task<(Exception? Error, double MedianMs, double SlowestMs)> WriteAsync(string folder, CancellationToken ct)
    {
        string path = Path.Combine(folder, $".doctor-{Guid.NewGuid():N}");
        var times = new List<double>(Writes);
        try
        {
            await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
            byte[] bytes = new byte[WriteBytes];
            Random.Shared.NextBytes(bytes);
            for (int i = 0; i < Writes; i++)
            {
                long started = Stopwatch.GetTimestamp();
                file.Position = 0;
                await file.WriteAsync(bytes, ct);
                file.Flush(flushToDisk: true);
                times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
            times.Sort();
            return (null, times[Writes / 2], times[^1]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (e, 0, 0);
        }
    }

    /// <summary>What lies in the data directory, largest first.</summary>
    private static string Uses(string path, CancellationToken ct)
    {
        var sizes = new Dictionary<string, long>();
        int files = 0;
        var options = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint };
        foreach (var file in new DirectoryInfo(path).EnumerateFiles("*", options))
        {
            ct.ThrowIfCancellationRequested();
            if (++files > MaxFiles) break;
            string top = Path.GetRelativePath(path, file.FullName).Split(Path.DirectorySeparatorChar)[0];
            string name = top.StartsWith("rag.db", StringComparison.Ordinal) ? "record" : top;
            try
            {
                sizes[name] = sizes.GetValueOrDefault(name) + file.Length;
            }
            catch (IOException)
            {
                // Removed meanwhile: the index merges.
            }
        }
        string list = string.Join(", ", sizes.OrderByDescending(s => s.Value).Take(6).Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Key} {s.Value / 1e6:F1} MB")));
        return list.Length == 0 ? "" : $"in it: {list}{(files > MaxFiles ? " (counting stopped at its bound)" : "")}";
    }
}
