using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

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

/// <summary>
/// The backups of this installation: what lies in the folder, and what the record knows of it. A backup that the record does
/// not know, after a disaster all of them, is listed from its manifest, as one that nobody has verified.
/// </summary>
internal sealed class BackupCatalog(Database database, DataDirectory data, BackupOptions options, AuditTrail audit, TimeProvider time)
{
    /// <summary>Ends the name of a folder whose backup is not whole.</summary>
    public const string PartialSuffix = ".partial";

    private static readonly TimeSpan FailedKept = TimeSpan.FromDays(30);

    private const string Select = """
        SELECT id AS Id, kind AS Kind, state AS State, sequence AS Sequence, engine AS Engine, directory AS Directory, started_at AS StartedAt, completed_at AS CompletedAt, position AS Position,
               row_count AS RowCount, plain_bytes AS PlainBytes, stored_bytes AS StoredBytes, manifest AS Manifest, verified_at AS VerifiedAt, drilled_at AS DrilledAt, problem AS Problem
        FROM backups
        """;

    private sealed record Row(
        string Id, string Kind, string State, long Sequence, string Engine, string Directory, long StartedAt, long? CompletedAt, long Position, long RowCount, long PlainBytes, long StoredBytes,
        string? Manifest, long? VerifiedAt, long? DrilledAt, string? Problem);

    /// <summary>Where new backups go.</summary>
    public string Directory { get; } = Path.GetFullPath(options.Directory.Length > 0 ? options.Directory : Path.Combine(data.Path, "backups"));

    public BackupKeys Keys() => BackupKeys.Open(options, data, database);

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<BackupInfo>> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = (await connection.QueryAsync<Row>(new CommandDefinition(Select, cancellationToken: ct))).AsList();
        var known = rows.Select(r => r.Id).ToHashSet();
        var all = rows.Select(Info).ToList();
        if (!System.IO.Directory.Exists(Directory)) return Sorted(all);
        BackupKeys? keys = null;
        foreach (string folder in Folders().Where(f => !known.Contains(Path.GetFileName(f))))
        {
            string id = Path.GetFileName(folder);
            try
            {
                all.Add(Info(await BackupReader.OpenAsync(folder, keys ??= Keys(), ct)));
            }
            catch (RagException e)
            {
                all.Add(new(id, "unknown", BackupState.Damaged, 0, "unknown", StartOf(id), null, 0, 0, 0, 0, null, null, folder, e.Message));
            }
        }
        return Sorted(all);
    }

    /// <summary>Those that the record knows of, in no order.</summary>
    public async Task<IReadOnlyList<BackupInfo>> KnownAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return [.. (await connection.QueryAsync<Row>(new CommandDefinition(Select, cancellationToken: ct))).Select(Info)];
    }

    /// <exception cref="RagException">NotFound.</exception>
    public async Task<BackupInfo> GetAsync(string id, CancellationToken ct)
    {
        if (await FindAsync(id, ct) is { } row) return Info(row);
        return IsId(id) && System.IO.Directory.Exists(Path.Combine(Directory, id)) ? Info(await BackupReader.OpenAsync(Path.Combine(Directory, id), Keys(), ct)) : throw Unknown(id);
    }

    /// <summary>
    /// Opens a backup to be read: its manifest, whether all parts are there, and whether it is the backup that was made under
    /// this id and in this place of the sequence.
    /// </summary>
    /// <exception cref="RagException">
    /// NotFound; Conflict: it is not whole; Invalid: it was changed or put in another's place; Unavailable: it cannot be read from
    /// here, which says nothing of the backup.
    /// </exception>
    public async Task<BackupReader> OpenAsync(string id, CancellationToken ct)
    {
        var row = await FindAsync(id, ct);
        if (row is null && !IsId(id)) throw Unknown(id);
        if (row is { State: BackupState.Running or BackupState.Failed }) throw new RagException(ErrorKind.Conflict, $"The backup {id} is not whole.", "Restore one that is complete: 'rag backup list' shows them.");
        string folder = row?.Directory ?? Path.Combine(Directory, id);
        if (!System.IO.Directory.Exists(folder)) throw row is null ? Unknown(id) : new RagException(
            ErrorKind.Unavailable, $"The folder {folder} of the backup {id} is not on this machine.", "Bring it back, or ask the replica whose disk it is on; Backup:Directory on a disk that all replicas share avoids this.");
        BackupReader reader;
        try
        {
            reader = await BackupReader.OpenAsync(folder, Keys(), ct);
        }
        catch (RagException e) when (e.Kind == ErrorKind.Unavailable && row?.Manifest is { } known && Sha256.Hex(File.ReadAllBytes(Path.Combine(folder, ManifestFile.Name))) != known)
        {
            // It names a key that nobody has because it was changed.
            throw Replayed(id, "its manifest is not the one that was written when the backup was made");
        }
        if (row?.Manifest is { } written && written != reader.ManifestSha256) throw Replayed(id, "its manifest is not the one that was written when the backup was made");
        await CheckSequenceAsync(reader, ct);
        return reader;
    }

    public Task NoteVerifiedAsync(string id, CancellationToken ct) => NoteAsync(id, "verified_at = @now, problem = NULL, state = 'complete'", AuditEvent.Administrative("backup.verify", "backup:" + id), null, ct);

    /// <summary>It was restored and asked, after it was verified; written with the evidence.</summary>
    public Task NoteDrilledAsync(System.Data.Common.DbTransaction tx, string id) => tx.Connection!.ExecuteAsync("UPDATE backups SET drilled_at = @now WHERE id = @id", new { id, now = time.Microseconds() }, tx);

    public Task NoteDamagedAsync(string id, string problem, CancellationToken ct) => NoteAsync(
        id, "state = 'damaged', drilled_at = NULL, problem = @problem", AuditEvent.Administrative("backup.verify", "backup:" + id, new Dictionary<string, string> { ["problem"] = problem }) with { Succeeded = false }, problem, ct);

    /// <summary>Removes a backup from disk; for retention, which says why in the audit record itself.</summary>
    public async Task RemoveAsync(string id, CancellationToken ct)
    {
        var row = await FindAsync(id, ct);
        if (row is null && !IsId(id)) throw Unknown(id);
        string folder = row?.Directory ?? Path.Combine(Directory, id);
        // Under the name of one that is not whole first: a removal that is interrupted leaves nothing that looks like a backup.
        string gone = folder + PartialSuffix;
        if (System.IO.Directory.Exists(folder)) System.IO.Directory.Move(folder, gone);
        await database.WriteAsync(tx => tx.Connection!.ExecuteAsync("DELETE FROM backups WHERE id = @id", new { id }, tx), ct);
        if (System.IO.Directory.Exists(gone)) System.IO.Directory.Delete(gone, recursive: true);
    }

    /// <summary>Notes that a backup begins, or goes on; fails closed where that cannot be put on the audit record.</summary>
    internal Task BeginAsync(string id, string kind, long startedAt, CancellationToken ct) => database.WriteAsync(async tx =>
    {
        await tx.Connection!.ExecuteAsync(
            """
            INSERT INTO backups (id, kind, state, sequence, engine, directory, started_at, position, row_count, plain_bytes, stored_bytes)
            VALUES (@id, @kind, 'running', 0, @Provider, @folder, @startedAt, 0, 0, 0, 0)
            ON CONFLICT (id) DO UPDATE SET state = 'running', problem = NULL, started_at = @startedAt
            """, new { id, kind, database.Provider, folder = Path.Combine(Directory, id), startedAt }, tx);
        await audit.AppendAsync(tx, AuditEvent.Administrative("backup.create", "backup:" + id, new Dictionary<string, string> { ["kind"] = kind }));
    }, ct);

    /// <summary>Notes that the backup is whole on disk.</summary>
    internal Task CompleteAsync(BackupManifest m, string sha256, CancellationToken ct) => database.WriteAsync(async tx =>
    {
        await InsertAsync(tx, m, sha256);
        await audit.AppendAsync(tx, AuditEvent.Administrative("backup.complete", "backup:" + m.Id, new Dictionary<string, string>
        {
            ["kind"] = m.Kind, ["position"] = m.Position.ToString(System.Globalization.CultureInfo.InvariantCulture), ["manifest"] = sha256,
        }));
    }, ct);

    internal Task FailAsync(string id, string problem, CancellationToken ct) => database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
        "UPDATE backups SET state = 'failed', problem = @problem WHERE id = @id AND state = 'running'", new { id, problem }, tx), ct);

    /// <summary>
    /// Settles what a process that died left behind: called by who holds the lease, so that nothing is running. A backup whose
    /// folder got its name is whole; others are not.
    /// </summary>
    internal async Task SettleAsync(CancellationToken ct)
    {
        // What failed long ago and was never gone on with has nothing left on disk.
        long old = Clock.ToMicroseconds(time.GetUtcNow() - FailedKept);
        await database.WriteAsync(tx => tx.Connection!.ExecuteAsync("DELETE FROM backups WHERE state = 'failed' AND started_at < @old", new { old }, tx), ct);
        List<Row> running;
        await using (var connection = await database.OpenAsync(ct)) running = (await connection.QueryAsync<Row>(new CommandDefinition(Select + " WHERE state = 'running'", cancellationToken: ct))).AsList();
        foreach (var row in running)
        {
            if (!System.IO.Directory.Exists(row.Directory))
            {
                await FailAsync(row.Id, "The process that made it ended before it was whole.", ct);
                continue;
            }
            try
            {
                var reader = await BackupReader.OpenAsync(row.Directory, Keys(), ct);
                await CompleteAsync(reader.Manifest, reader.ManifestSha256, ct);
            }
            catch (RagException e) when (e.Kind == ErrorKind.Invalid)
            {
                await NoteDamagedAsync(row.Id, e.Message, ct);
            }
            catch (RagException e) when (e.Kind == ErrorKind.Unavailable)
            {
                await FailAsync(row.Id, e.Message, ct);
            }
        }
    }

    /// <summary>The last backup in the sequence, here or known to the record; its number and manifest.</summary>
    internal async Task<(long Sequence, PreviousBackup? Previous)> LastAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var last = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(Select + " WHERE manifest IS NOT NULL ORDER BY sequence DESC, id DESC LIMIT 1", cancellationToken: ct));
        var (sequence, previous) = last is null ? (0, null) : (last.Sequence, new PreviousBackup(last.Id, last.Manifest!));
        await foreach (var reader in ReadableAsync(ct))
            if (reader.Manifest.Sequence > sequence) (sequence, previous) = (reader.Manifest.Sequence, new(reader.Manifest.Id, reader.ManifestSha256));
        return (sequence, previous);
    }

    /// <summary>Folders of backups that are not whole, newest first.</summary>
    internal IEnumerable<string> PartialFolders() => System.IO.Directory.Exists(Directory)
        ? System.IO.Directory.EnumerateDirectories(Directory, "*" + PartialSuffix).OrderDescending(StringComparer.Ordinal) : [];

    private IEnumerable<string> Folders() => System.IO.Directory.EnumerateDirectories(Directory).Where(f => IsId(Path.GetFileName(f))).Order(StringComparer.Ordinal);

    private async IAsyncEnumerable<BackupReader> ReadableAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        if (!System.IO.Directory.Exists(Directory)) yield break;
        var keys = Keys();
        foreach (string folder in Folders())
        {
            BackupReader? reader = null;
            try
            {
                reader = await BackupReader.OpenAsync(folder, keys, ct);
            }
            catch (RagException)
            {
                // Lists and verification say what is wrong with it.
            }
            if (reader is not null) yield return reader;
        }
    }

    /// <summary>A backup stands in one place of the sequence: no other has its number, and the one before it is the one it names.</summary>
    private async Task CheckSequenceAsync(BackupReader opened, CancellationToken ct)
    {
        var mine = opened.Manifest;
        await foreach (var other in ReadableAsync(ct))
        {
            if (other.Manifest.Id == mine.Id) continue;
            if (other.Manifest.Sequence == mine.Sequence) throw Replayed(mine.Id, $"the backup {other.Manifest.Id} has the same number {mine.Sequence}");
            if (other.Manifest.Id == mine.Previous?.Id && other.ManifestSha256 != mine.Previous.Manifest) throw Replayed(mine.Id, $"the backup {other.Manifest.Id} before it is not the one that it followed");
        }
    }

    private async Task NoteAsync(string id, string set, AuditEvent? done, string? problem, CancellationToken ct)
    {
        BackupReader? adopted = null;
        if (await FindAsync(id, ct) is null)
        {
            if (!IsId(id)) throw Unknown(id);
            // Without a manifest that can be read there is nothing to know of it.
            if (problem is null) adopted = await BackupReader.OpenAsync(Path.Combine(Directory, id), Keys(), ct);
        }
        await database.WriteAsync(async tx =>
        {
            if (adopted is not null) await InsertAsync(tx, adopted.Manifest, adopted.ManifestSha256);
            await tx.Connection!.ExecuteAsync($"UPDATE backups SET {set} WHERE id = @id", new { id, now = time.Microseconds(), problem }, tx);
            if (done is not null) await audit.AppendAsync(tx, done);
        }, ct);
    }

    private Task InsertAsync(System.Data.Common.DbTransaction tx, BackupManifest m, string sha256) => tx.Connection!.ExecuteAsync(
        """
        INSERT INTO backups (id, kind, state, sequence, engine, directory, started_at, completed_at, position, row_count, plain_bytes, stored_bytes, manifest)
        VALUES (@Id, @Kind, 'complete', @Sequence, @Engine, @folder, @StartedAt, @CompletedAt, @Position, @Rows, @PlainBytes, @StoredBytes, @sha256)
        ON CONFLICT (id) DO UPDATE SET state = 'complete', sequence = @Sequence, directory = @folder, started_at = @StartedAt, completed_at = @CompletedAt, position = @Position,
          row_count = @Rows, plain_bytes = @PlainBytes, stored_bytes = @StoredBytes, manifest = @sha256, problem = NULL
        """,
        new { m.Id, m.Kind, m.Sequence, m.Engine, folder = Path.Combine(Directory, m.Id), m.StartedAt, m.CompletedAt, m.Position, m.Rows, m.PlainBytes, m.StoredBytes, sha256 }, tx);

    private async Task<Row?> FindAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(Select + " WHERE id = @id", new { id }, cancellationToken: ct));
    }

    private static BackupInfo Info(Row r) => new(
        r.Id, r.Kind, r.State != BackupState.Complete ? r.State : r.DrilledAt is not null ? BackupState.Drilled : r.VerifiedAt is not null ? BackupState.Verified : BackupState.Complete,
        r.Sequence, r.Engine, Clock.FromMicroseconds(r.StartedAt), r.CompletedAt is { } at ? Clock.FromMicroseconds(at) : null, r.Position, r.RowCount, r.PlainBytes, r.StoredBytes,
        r.VerifiedAt is { } verified ? Clock.FromMicroseconds(verified) : null, r.DrilledAt is { } drilled ? Clock.FromMicroseconds(drilled) : null, r.Directory,
        // Where each replica has a disk of its own, it lies with the one that made it.
        r.Problem ?? (r.State == BackupState.Complete && !System.IO.Directory.Exists(r.Directory) ? "Its folder is not on this machine." : null));

    private BackupInfo Info(BackupReader b) => new(
        b.Manifest.Id, b.Manifest.Kind, BackupState.Complete, b.Manifest.Sequence, b.Manifest.Engine, Clock.FromMicroseconds(b.Manifest.StartedAt), Clock.FromMicroseconds(b.Manifest.CompletedAt),
        b.Manifest.Position, b.Manifest.Rows, b.Manifest.PlainBytes, b.Manifest.StoredBytes, null, null, Path.Combine(Directory, b.Manifest.Id), null);

    private static List<BackupInfo> Sorted(List<BackupInfo> all) => [.. all.OrderByDescending(b => b.StartedAt).ThenByDescending(b => b.Id, StringComparer.Ordinal)];

    /// <summary>Ids are UUIDs (version 7) and begin with their time; nothing else names a folder of ours.</summary>
    private static bool IsId(string id) => Guid.TryParseExact(id, "D", out _) && id == id.ToLowerInvariant();

    private static DateTimeOffset StartOf(string id) => DateTimeOffset.FromUnixTimeMilliseconds(Convert.ToInt64(id.Replace("-", "", StringComparison.Ordinal)[..12], 16) % 253_402_300_799_999);

    private static RagException Replayed(string id, string what) => new(ErrorKind.Invalid, $"The backup {id} is not what it says: {what}.", "Somebody put another in its place; restore one that verifies, and find out who may write to the folder.");

    private static RagException Unknown(string id) => new(ErrorKind.NotFound, $"There is no backup '{id}'.", "'rag backup list' shows them.");
}
