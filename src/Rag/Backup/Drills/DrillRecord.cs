using System.Data.Common;
using System.Text.Json;
using Dapper;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Backup.Drills;

/// <summary>The evidence of drills, as it was when they ended.</summary>
internal sealed class DrillRecord(Database database)
{
    private const int Listed = 200;

    /// <summary>Keeps evidence; returns its digest, which goes on the audit record with it.</summary>
    public async Task<string> AddAsync(DbTransaction tx, DrillEvidence evidence)
    {
        string json = JsonSerializer.Serialize(evidence, DrillJson.Default.DrillEvidence), sha256 = Sha256.Hex(json);
        await tx.Connection!.ExecuteAsync(
            "INSERT INTO backup_drills (id, backup_id, off_site, started_at, ended_at, passed, evidence, sha256) VALUES (@Id, @BackupId, @offSite, @startedAt, @endedAt, @passed, @json, @sha256)",
            new { evidence.Id, evidence.BackupId, offSite = evidence.OffSite ? 1L : 0L, startedAt = Clock.ToMicroseconds(evidence.StartedAt), endedAt = Clock.ToMicroseconds(evidence.EndedAt), passed = evidence.Passed ? 1L : 0L, json, sha256 }, tx);
        return sha256;
    }

    /// <summary>Newest first.</summary>
    public Task<IReadOnlyList<DrillEntry>> ListAsync(CancellationToken ct) => ReadAsync("ORDER BY started_at DESC, id DESC LIMIT @Listed", new { Listed }, ct);

    /// <summary>Those that began within a time, newest first.</summary>
    public Task<IReadOnlyList<DrillEntry>> ListAsync(DateTimeOffset from, DateTimeOffset to, int limit, CancellationToken ct) =>
        ReadAsync("WHERE started_at >= @from AND started_at < @to ORDER BY started_at DESC, id DESC LIMIT @limit", new { from = Clock.ToMicroseconds(from), to = Clock.ToMicroseconds(to), limit }, ct);

    /// <exception cref="RagException">NotFound.</exception>
    public async Task<DrillEvidence> GetAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        string? json = await connection.ExecuteScalarAsync<string?>(new CommandDefinition("SELECT evidence FROM backup_drills WHERE id = @id", new { id }, cancellationToken: ct));
        return json is null ? throw new RagException(ErrorKind.NotFound, $"There is no drill '{id}'.", "'rag backup drills list' shows them.") : Parse(json);
    }

    private async Task<IReadOnlyList<DrillEntry>> ReadAsync(string where, object values, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<(string Json, string Sha256)>(new CommandDefinition("SELECT evidence, sha256 FROM backup_drills " + where, values, cancellationToken: ct));
        return [.. rows.Select(r => (Parse(r.Json), r.Sha256)).Select(r => new DrillEntry(r.Item1.Id, r.Item1.BackupId, r.Item1.OffSite, r.Item1.StartedAt, r.Item1.EndedAt, r.Item1.Passed, r.Item1.Problem, r.Item1.Seconds.FirstAnswer, r.Item1.Loss.Seconds, r.Sha256))];
    }

    private static DrillEvidence Parse(string json) => JsonSerializer.Deserialize(json, DrillJson.Default.DrillEvidence)!;
}
