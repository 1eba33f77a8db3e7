namespace Rag.Backup;

/// <summary>How far something is that takes a while.</summary>
/// <param name="Phase">What it does now, in a few words.</param>
public sealed record BackupProgress(string Phase, long DoneBytes, long TotalBytes);

/// <summary>Makes backups, one at a time of all processes that share the record.</summary>
internal sealed class BackupWriter
{
    /// <summary>Makes a backup and returns it when it is whole and on disk. A backup of this kind that was interrupted is gone on with.</summary>
    public Task<BackupInfo> CreateAsync(string kind, IProgress<BackupProgress>? progress, CancellationToken ct) => throw new NotImplementedException();
}
