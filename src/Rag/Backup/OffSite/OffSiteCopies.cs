using System.Data.Common;
using System.Text.Json;
using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Backup.OffSite;

/// <summary>A copy of a backup off-site.</summary>
/// <param name="State">As of a backup: <c>complete</c> is unverified; good is what is <c>verified</c> or <c>drilled</c>.</param>
/// <param name="MadeAt">When the backup was made.</param>
/// <param name="Problem">Why it failed or is damaged.</param>
public sealed record OffSiteCopy(
    string BackupId, string Kind, string State, string Location, DateTimeOffset MadeAt, DateTimeOffset? StartedAt, DateTimeOffset? CompletedAt, DateTimeOffset? VerifiedAt, DateTimeOffset? DrilledAt, long StoredBytes, string? Problem)
{
    public bool Whole => State is BackupState.Complete or BackupState.Verified or BackupState.Drilled;

    public bool Good => State is BackupState.Verified or BackupState.Drilled;
}

/// <summary>What the record knows of the copies off-site. A copy is good from the moment when all of it was read back there, and no more when it is written to again.</summary>
internal sealed class OffSiteCopies(Database database, OffSiteStore store, Leases leases, AuditTrail audit, TimeProvider time)
{
    /// <summary>Who copies has it.</summary>
    public const string LeaseName = "backup-off-site";

    private const string Select = """
        SELECT backup_id AS BackupId, kind AS Kind, made_at AS MadeAt, state AS State, location AS Location, started_at AS StartedAt, completed_at AS CompletedAt, verified_at AS VerifiedAt, drilled_at AS DrilledAt,
               stored_bytes AS StoredBytes, manifest AS Manifest, upload AS Upload, problem AS Problem
        FROM off_site_copies
        """;

    private sealed class Row
    {
        public string BackupId { get; set; } = "";
        public string Kind { get; set; } = "";
        public long MadeAt { get; set; }
        public string State { get; set; } = "";
        public string Location { get; set; } = "";
        public long StartedAt { get; set; }
        public long? CompletedAt { get; set; }
        public long? VerifiedAt { get; set; }
        public long? DrilledAt { get; set; }
        public long StoredBytes { get; set; }
        public string Manifest { get; set; } = "";
        public string? Upload { get; set; }
        public string? Problem { get; set; }
    }

    /// <summary>Newest first; what the record knows of.</summary>
    public async Task<IReadOnlyList<OffSiteCopy>> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(Select + " ORDER BY made_at DESC, backup_id DESC", cancellationToken: ct));
        var all = rows.Select(Copy).ToList();
        // Whoever copies has the lease: without it the process was killed.
        if (all.Any(c => c.State == BackupState.Running) && !await leases.IsHeldAsync(LeaseName, ct))
            return [.. all.Select(c => c.State == BackupState.Running ? c with { State = BackupState.Failed, Problem = "The process that copied it ended before it was whole." } : c)];
        return all;
    }

    /// <summary>Null where the record knows of none.</summary>
    public async Task<OffSiteCopy?> FindAsync(string id, CancellationToken ct) => await RowAsync(id, ct) is { } row ? Copy(row) : null;

    /// <summary>SHA-256 of the manifest of the copy; null where the record knows of none.</summary>
    public async Task<string?> ManifestAsync(string id, CancellationToken ct) => (await RowAsync(id, ct))?.Manifest;

    /// <summary>A file that was on its way when the copying was interrupted.</summary>
    public async Task<UploadInProgress?> UploadAsync(string id, CancellationToken ct) =>
        (await RowAsync(id, ct))?.Upload is { } json ? JsonSerializer.Deserialize(json, UploadJson.Default.UploadInProgress) : null;

    /// <summary>Notes that copying begins or goes on; from here on the copy is not good. Fails closed where that cannot be put on the audit record.</summary>
    public Task BeginAsync(BackupReader backup, CancellationToken ct) => database.WriteAsync(async tx =>
    {
        var m = backup.Manifest;
        await tx.Connection!.ExecuteAsync(
            """
            INSERT INTO off_site_copies (backup_id, kind, made_at, state, location, started_at, stored_bytes, manifest) VALUES (@Id, @Kind, @StartedAt, 'running', @Location, @now, @StoredBytes, @ManifestSha256)
            ON CONFLICT (backup_id) DO UPDATE SET state = 'running', location = @Location, started_at = @now, completed_at = NULL, verified_at = NULL, drilled_at = NULL, manifest = @ManifestSha256, problem = NULL
            """, new { m.Id, m.Kind, m.StartedAt, store.Location, now = time.Microseconds(), m.StoredBytes, backup.ManifestSha256 }, tx);
        await audit.AppendAsync(tx, AuditEvent.Administrative("backup.copy", "backup:" + m.Id, new Dictionary<string, string> { ["to"] = store.Location, ["manifest"] = backup.ManifestSha256 }));
    }, ct);

    public Task NoteUploadAsync(string id, UploadInProgress? upload, CancellationToken ct) => ExecuteAsync(
        "UPDATE off_site_copies SET upload = @upload WHERE backup_id = @id", new { id, upload = upload is null ? null : JsonSerializer.Serialize(upload, UploadJson.Default.UploadInProgress) }, ct);

    /// <summary>All of it is there; nobody has read it back.</summary>
    public Task NoteCompleteAsync(string id, CancellationToken ct) => ExecuteAsync("UPDATE off_site_copies SET state = 'complete', completed_at = @now, problem = NULL WHERE backup_id = @id", new { id, now = time.Microseconds() }, ct);

    /// <summary>All of it was read back; a copy that the record did not know, after a disaster, is known from here on.</summary>
    public Task NoteVerifiedAsync(BackupManifest m, string sha256, CancellationToken ct) => database.WriteAsync(async tx =>
    {
        await tx.Connection!.ExecuteAsync(
            """
            INSERT INTO off_site_copies (backup_id, kind, made_at, state, location, started_at, completed_at, verified_at, stored_bytes, manifest) VALUES (@Id, @Kind, @StartedAt, 'complete', @Location, @now, @now, @now, @StoredBytes, @sha256)
            ON CONFLICT (backup_id) DO UPDATE SET state = 'complete', verified_at = @now, problem = NULL
            """, new { m.Id, m.Kind, m.StartedAt, store.Location, now = time.Microseconds(), m.StoredBytes, sha256 }, tx);
        await audit.AppendAsync(tx, AuditEvent.Administrative("backup.copy_verify", "backup:" + m.Id, new Dictionary<string, string> { ["at"] = store.Location, ["manifest"] = sha256 }));
    }, ct);

    public Task NoteDrilledAsync(DbTransaction tx, string id) => tx.Connection!.ExecuteAsync("UPDATE off_site_copies SET drilled_at = @now WHERE backup_id = @id AND state = 'complete'", new { id, now = time.Microseconds() }, tx);

    /// <summary>Copying stopped; asked for again, it goes on.</summary>
    public Task NoteFailedAsync(string id, string problem, CancellationToken ct) => ExecuteAsync("UPDATE off_site_copies SET state = 'failed', problem = @problem WHERE backup_id = @id AND state <> 'damaged'", new { id, problem }, ct);

    /// <summary>What was read back is not what was sent.</summary>
    public Task NoteDamagedAsync(string id, string problem, CancellationToken ct) => database.WriteAsync(async tx =>
    {
        await tx.Connection!.ExecuteAsync("UPDATE off_site_copies SET state = 'damaged', verified_at = NULL, drilled_at = NULL, problem = @problem WHERE backup_id = @id", new { id, problem }, tx);
        await audit.AppendAsync(tx, AuditEvent.Administrative("backup.copy_verify", "backup:" + id, new Dictionary<string, string> { ["at"] = store.Location, ["problem"] = problem }) with { Succeeded = false });
    }, ct);

    /// <summary>From here on it is none; its files follow.</summary>
    public Task ForgetAsync(string id, CancellationToken ct) => ExecuteAsync("DELETE FROM off_site_copies WHERE backup_id = @id", new { id }, ct);

    private Task ExecuteAsync(string sql, object values, CancellationToken ct) => database.WriteAsync(tx => tx.Connection!.ExecuteAsync(sql, values, tx), ct);

    private async Task<Row?> RowAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition(Select + " WHERE backup_id = @id", new { id }, cancellationToken: ct));
    }

    private static OffSiteCopy Copy(Row r) => new(
        r.BackupId, r.Kind, r.State != BackupState.Complete ? r.State : r.DrilledAt is not null ? BackupState.Drilled : r.VerifiedAt is not null ? BackupState.Verified : BackupState.Complete,
        r.Location, Clock.FromMicroseconds(r.MadeAt), Clock.FromMicroseconds(r.StartedAt), At(r.CompletedAt), At(r.VerifiedAt), At(r.DrilledAt), r.StoredBytes, r.Problem);

    private static DateTimeOffset? At(long? microseconds) => microseconds is { } at ? Clock.FromMicroseconds(at) : null;
}
