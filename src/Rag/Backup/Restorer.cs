using Rag.Storage;

namespace Rag.Backup;

internal enum RestoreInto
{
    /// <summary>A record without documents; everything becomes as in the backup, the audit record too.</summary>
    Empty,

    /// <summary>A record in use: its data is replaced, its audit record and change log go on.</summary>
    Running,
}

/// <summary>What a restore did.</summary>
/// <param name="Position">Change-log position after it: an index there shows what was restored.</param>
public sealed record RestoreResult(string BackupId, long BackupPosition, long Position, long Rows, long Documents, double Seconds);

/// <summary>Puts backups back.</summary>
internal sealed class Restorer
{
    /// <summary>
    /// Puts the whole backup into a record, in one transaction: afterwards all of it is there, or what was there before. The
    /// backup is read in full first. Nothing is written to the audit record here.
    /// </summary>
    public static Task<RestoreResult> RestoreIntoAsync(Database target, BackupReader backup, RestoreInto into, TimeProvider time, IProgress<BackupProgress>? progress, CancellationToken ct) =>
        throw new NotImplementedException();
}
