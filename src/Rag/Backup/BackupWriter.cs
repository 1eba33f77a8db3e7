using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage.Leadership;

namespace Rag.Backup;

/// <summary>How far something is that takes a while.</summary>
/// <param name="Phase">What it does now, in a few words.</param>
public sealed record BackupProgress(string Phase, long DoneBytes, long TotalBytes);

/// <summary>
/// Makes backups, one at a time of all processes that share the record. A backup is made in a folder whose name says that it
/// is not whole, and gets its own name when all of it is on disk.
/// </summary>
internal sealed class BackupWriter(
    BackupSources sources, BackupCatalog catalog, BackupOptions options, Leases leases, TimeProvider time, ILogger<BackupWriter> log)
{
    public const string LeaseName = "backup";

    /// <summary>Makes a backup and returns it when it is whole and on disk. A backup of this kind that was interrupted is gone on with.</summary>
    /// <exception cref="RagException">Invalid: no such kind; Conflict: another is being made or restored; StorageFull; Unavailable.</exception>
    public Task<BackupInfo> CreateAsync(string kind, IProgress<BackupProgress>? progress, CancellationToken ct) => BackupKind.All.Contains(kind)
        ? CreateAsync(kind, sources, progress, ct)
        : throw new RagException(ErrorKind.Invalid, $"'{kind}' is not a kind of backup.", $"Use one of {string.Join(", ", BackupKind.All)}.");

    /// <summary>The same of another record than this service's, such as one of an earlier point in time.</summary>
    public Task<BackupInfo> CreateFromAsync(Storage.Database record, string kind, IProgress<BackupProgress>? progress, CancellationToken ct) => CreateAsync(kind, sources with { Database = record }, progress, ct);

    private async Task<BackupInfo> CreateAsync(string kind, BackupSources from, IProgress<BackupProgress>? progress, CancellationToken ct)
    {
        await using var lease = await TakeAsync(leases, ct);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct, lease.Lost);
        limit.CancelAfter(TimeSpan.FromHours(options.LimitHours));
        var keys = catalog.Keys();
        await catalog.SettleAsync(ct);
        var (id, kept) = await ResumableAsync(kind, keys, ct);
        long startedAt = time.Microseconds();
        try
        {
            Directory.CreateDirectory(catalog.Directory);
            await catalog.BeginAsync(id, kind, startedAt, limit.Token);
            if (kept.Count > 0) log.BackupResumed(id, kept.Count);
            var (manifest, sha256) = await new BackupRun(from, id, kind, keys.Newest, startedAt, progress, limit.Token).WriteAsync(kept);
            await catalog.CompleteAsync(manifest, sha256, ct);
            log.BackupMade(id, kind, manifest.Rows, manifest.StoredBytes);
            return await catalog.GetAsync(id, ct);
        }
        catch (Exception e)
        {
            var told = e switch
            {
                IOException io => Durable.Translate(io, catalog.Directory),
                UnauthorizedAccessException => new RagException(ErrorKind.Unavailable, $"The folder of backups cannot be written to: {e.Message}", $"Give this user write access to {catalog.Directory}, or name another place in Backup:Directory.", e),
                OperationCanceledException when !ct.IsCancellationRequested => lease.Lost.IsCancellationRequested
                    ? new RagException(ErrorKind.Unavailable, "The record could not be asked for so long that another process may make backups now.", "Try again; the backup goes on where it stopped.", e)
                    : new RagException(ErrorKind.Unavailable, $"The backup took longer than {options.LimitHours} hours.", "Raise Backup:LimitHours; the backup goes on where it stopped.", e),
                _ => e,
            };
            await NoteFailureAsync(id, told);
            if (ReferenceEquals(told, e)) throw;
            throw told;
        }
    }

    /// <exception cref="RagException">Conflict: some process has it.</exception>
    internal static async Task<HeldLease> TakeAsync(Leases leases, CancellationToken ct) => await leases.TryTakeAsync(LeaseName, ct) ?? throw new RagException(
        ErrorKind.Conflict, "A backup is being made or restored already.", "Wait until it is done: 'rag backup list' shows it.");

    private async Task NoteFailureAsync(string id, Exception e)
    {
        log.BackupFailed(e, id);
        try
        {
            await catalog.FailAsync(id, e.Message, CancellationToken.None);
        }
        catch (RagException)
        {
            // The next who makes a backup settles it.
        }
    }

    /// <summary>An interrupted backup of this kind whose parts the newest key sealed, with its parts; else a new id. Other leftovers are removed.</summary>
    private async Task<(string Id, IReadOnlyList<BackupPart> Parts)> ResumableAsync(string kind, BackupKeys keys, CancellationToken ct)
    {
        (string Id, IReadOnlyList<BackupPart> Parts)? found = null;
        foreach (string folder in catalog.PartialFolders().ToList())
        {
            BackupManifest? interrupted = null;
            try
            {
                interrupted = await ManifestFile.ReadAsync(Path.Combine(folder, ManifestFile.ProgressName), keys, whole: false, ct);
            }
            catch (RagException)
            {
                // Ended before its first part was whole, or is not ours.
            }
            if (interrupted is not null && interrupted.Kind != kind) continue;
            if (found is null && interrupted is not null && interrupted.Key == keys.Newest.Id && Path.GetFileName(folder) == interrupted.Id + BackupCatalog.PartialSuffix) found = (interrupted.Id, interrupted.Parts);
            else Directory.Delete(folder, recursive: true);
        }
        return found ?? (Ids.New(time), []);
    }
}
