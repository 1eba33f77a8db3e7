namespace Rag.Backup;

internal static class BackupState
{
    public const string Running = "running";

    /// <summary>Stopped before it was whole; asked for again, it goes on with the parts that are there.</summary>
    public const string Failed = "failed";

    /// <summary>Whole on disk. Nobody has read it back yet: unverified.</summary>
    public const string Complete = "complete";

    /// <summary>Read back in full: every digest, tag and count was right.</summary>
    public const string Verified = "verified";

    /// <summary>Restored and asked: it gave the answers that it should.</summary>
    public const string Drilled = "drilled";

    /// <summary>Found to be changed, cut off or incomplete.</summary>
    public const string Damaged = "damaged";
}

/// <summary>A backup as lists show it.</summary>
/// <param name="Directory">Its folder.</param>
/// <param name="Problem">Why it failed or is damaged.</param>
public sealed record BackupInfo(
    string Id, string Kind, string State, long Sequence, string Engine, DateTimeOffset StartedAt, DateTimeOffset? CompletedAt, long Position, long Rows, long PlainBytes, long StoredBytes,
    DateTimeOffset? VerifiedAt, DateTimeOffset? DrilledAt, string Directory, string? Problem);

/// <summary>The backups of this installation: what the folder holds, and what is known of it in the record.</summary>
internal sealed class BackupCatalog
{
    /// <summary>Newest first.</summary>
    public Task<IReadOnlyList<BackupInfo>> ListAsync(CancellationToken ct) => throw new NotImplementedException();

    /// <exception cref="Foundation.RagException">NotFound.</exception>
    public Task<BackupInfo> GetAsync(string id, CancellationToken ct) => throw new NotImplementedException();

    public Task NoteVerifiedAsync(string id, CancellationToken ct) => throw new NotImplementedException();

    public Task NoteDrilledAsync(string id, CancellationToken ct) => throw new NotImplementedException();

    public Task NoteDamagedAsync(string id, string problem, CancellationToken ct) => throw new NotImplementedException();

    /// <summary>Removes a backup from disk; for retention, which says why in the audit record itself.</summary>
    public Task RemoveAsync(string id, CancellationToken ct) => throw new NotImplementedException();
}
