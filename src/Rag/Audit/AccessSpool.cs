using System.Text;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Audit;

/// <summary>A record of data access that waits for the database; written twice it is there once, for it has its id already.</summary>
/// <param name="Unnoted">Accesses that came faster than they could be noted; then nothing else is in it.</param>
internal sealed record SpooledAccess(string Id, DateTimeOffset At, string Kind, string ActorId, string Name, string? Address, IReadOnlyList<RecordedAccess> Accesses, long Unnoted)
{
    /// <summary>Each of them was past the groups that its documents are limited to.</summary>
    public bool Privileged { get; init; }

    public AuditEntry Entry => new(
        Unnoted > 0
            ? new(AuditCategory.DataAccess, "documents.unnoted", "documents", new Dictionary<string, string> { ["count"] = Unnoted.ToString(System.Globalization.CultureInfo.InvariantCulture) }) { Succeeded = false }
            : new(Privileged ? AuditCategory.Privileged : AuditCategory.DataAccess, "documents.read", Accesses.Select(a => a.Collection).Distinct().ToList() is [var one] ? "collection:" + one : "collections"),
        new(Kind, ActorId, Name, Address), At, Id, Accesses: Unnoted > 0 ? null : Accesses);
}

/// <summary>
/// Data access on this replica's disk while the record cannot take it: files of lines in <c>spool/</c>, each a checksum and
/// JSON. A line that a kill cut short has a wrong checksum and is left out. Bounded: the oldest file goes when there is no room,
/// and is counted. Thread-safe.
/// </summary>
internal sealed class AccessSpool(DataDirectory data, AuditOptions options, ILogger<AccessSpool> log)
{
    private const int FileBytes = 1024 * 1024;
    private const string Prefix = "audit-", Suffix = ".jsonl";

    private readonly string _directory = Path.Combine(data.Path, "spool");
    private readonly Lock _gate = new();
    private List<string>? _files;
    private long _dropped;

    public bool Any
    {
        get { lock (_gate) return Files.Count > 0; }
    }

    /// <summary>Files that were given up because there was no room, or lines that the disk did not take, since the start.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>Appends; what there is no room for is counted and given up. Never throws for the disk's sake.</summary>
    public void Append(IReadOnlyList<SpooledAccess> lines)
    {
        if (lines.Count == 0) return;
        lock (_gate)
        {
            try
            {
                Directory.CreateDirectory(_directory);
                byte[] bytes = [.. lines.SelectMany(Bytes)];
                if (Files.Count == 0) log.AccessesSpooled(_directory);
                while (Files.Count > 0 && Files.Sum(f => new FileInfo(f).Length) + bytes.Length > options.SpoolMb * 1024L * 1024) DropOldest();
                if (Files.Count == 0 || new FileInfo(Files[^1]).Length + bytes.Length > FileBytes) Files.Add(Path.Combine(_directory, $"{Prefix}{Next():D10}{Suffix}"));
                using var file = new FileStream(Files[^1], FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
                // A line that was cut short must not take the next one with it.
                if (file.Position > 0) file.Write("\n"u8);
                file.Write(bytes);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Interlocked.Add(ref _dropped, lines.Count);
                log.AccessesDropped(lines.Count, e.Message);
            }
        }
    }

    /// <summary>The lines of the oldest file; null where nothing waits.</summary>
    public (string Path, IReadOnlyList<SpooledAccess> Lines)? ReadOldest()
    {
        lock (_gate)
        {
            if (Files.Count == 0) return null;
            string path = Files[0];
            var lines = new List<SpooledAccess>();
            if (File.Exists(path))
                foreach (string line in File.ReadLines(path))
                    if (Parse(line) is { } access) lines.Add(access);
            return (path, lines);
        }
    }

    /// <summary>Its lines are in the record now. What was appended to it meanwhile stays.</summary>
    public void Remove(string path, int lines)
    {
        lock (_gate)
        {
            string[] rest = [.. File.ReadLines(path).Where(l => Parse(l) is not null).Skip(lines)];
            if (rest.Length == 0)
            {
                File.Delete(path);
                Files.Remove(path);
            }
            else File.WriteAllLines(path, rest);
        }
    }

    private List<string> Files => _files ??= Directory.Exists(_directory) ? [.. Directory.EnumerateFiles(_directory, Prefix + "*" + Suffix).Order(StringComparer.Ordinal)] : [];

    private long Next() => Files.Count == 0 ? 1 : long.Parse(Path.GetFileNameWithoutExtension(Files[^1])[Prefix.Length..], System.Globalization.CultureInfo.InvariantCulture) + 1;

    private void DropOldest()
    {
        int lost = File.ReadLines(Files[0]).Count();
        File.Delete(Files[0]);
        Files.RemoveAt(0);
        Interlocked.Add(ref _dropped, lost);
        log.AccessesDropped(lost, "there is no room");
    }

    private static byte[] Bytes(SpooledAccess line) => ChecksumLine.Of(line, AuditJson.Default.SpooledAccess);

    private static SpooledAccess? Parse(string line) => ChecksumLine.Read(Encoding.UTF8.GetBytes(line), AuditJson.Default.SpooledAccess);
}
