using System.Data.Common;
using Rag.Storage.Leadership;

namespace Rag.Maintenance.Retention;

/// <summary>
/// Log files of a folder that the configuration names. The product itself writes its log to standard output; whoever takes it
/// there keeps it, and rotates it. What a rotation left there and is too old is removed here.
/// </summary>
internal sealed class LogRetention(MaintenanceOptions options, TimeProvider time) : IRetentionRule
{
    private const string NotOurs = "The product writes its log to standard output: what takes it there removes it. Name a folder in Maintenance:Retention:LogDirectory to have log files removed here.";

    public string Name => "logs";

    public string Policy => $"Log files are kept for {options.Retention.LogDays}d.";

    public Task<RetentionLook> LookAsync(RetentionHolds holds, CancellationToken ct)
    {
        var files = Files();
        var due = Due(files).ToList();
        return Task.FromResult(new RetentionLook(
            files.Count, files.Count == 0 ? null : files.Min(f => f.At), due.Count(f => !holds.Hold(f.At)), due.Count(f => holds.Hold(f.At)), options.Retention.LogDirectory.Length == 0 ? NotOurs : null));
    }

    public async Task<long> RemoveAsync(LeaderTerm term, RetentionHolds holds, int limit, Func<DbTransaction, RetentionPiece, Task> note, CancellationToken ct)
    {
        var due = Due(Files()).Where(f => !holds.Hold(f.At)).OrderBy(f => f.At).Take(limit).ToList();
        if (due.Count == 0) return 0;
        await term.WriteAsync(async tx =>
        {
            await note(tx, new(due.Count, due[0].At, due[^1].At, Policy));
            return 0;
        }, ct);
        foreach (var file in due) File.Delete(file.Path);
        return due.Count;
    }

    private IEnumerable<(string Path, DateTimeOffset At)> Due(IEnumerable<(string Path, DateTimeOffset At)> files)
    {
        var before = time.GetUtcNow() - TimeSpan.FromDays(options.Retention.LogDays);
        return files.Where(f => f.At < before);
    }

    /// <summary>Files that were written last at a time; those of folders below belong to somebody else.</summary>
    private List<(string Path, DateTimeOffset At)> Files()
    {
        string folder = options.Retention.LogDirectory;
        if (folder.Length == 0 || !Directory.Exists(folder)) return [];
        return [.. new DirectoryInfo(folder).EnumerateFiles().Where(f => f.LinkTarget is null && f.Name.Contains(".log", StringComparison.Ordinal)).Select(f => (f.FullName, (DateTimeOffset)f.LastWriteTimeUtc))];
    }
}
