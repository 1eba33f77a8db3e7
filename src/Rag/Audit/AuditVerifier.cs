using System.Data.Common;
using Dapper;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Audit;

/// <summary>Checks the record against what was signed outside, and puts on it that somebody did.</summary>
internal sealed class AuditVerifier(Database database, AuditKeys keys, AuditOptions options, AuditTree signer, CheckpointCopies copies, AuditTrail audit, TimeProvider time)
{
    public const int MaxNotes = 200_000;

    /// <param name="notes">Checkpoints from outside; those of the folder that the configuration names where absent.</param>
    public async Task<AuditVerification> VerifyAsync(IReadOnlyList<string>? notes, CancellationToken ct)
    {
        await audit.RecordAsync(new(AuditCategory.Privileged, "audit.verify", "audit"), ct);
        notes ??= Directory.Exists(copies.Directory) ? [.. CheckpointCopies.Read(copies.Directory)] : [];
        if (notes.Count > MaxNotes) throw new RagException(ErrorKind.TooLarge, $"There are {notes.Count} checkpoints.", $"Give at most {MaxNotes}, the newest among them.");
        await using var connection = await database.OpenAsync(ct);
        // Of one moment, whatever is written meanwhile.
        await connection.ExecuteAsync(database.Dialect.Snapshot);
        try
        {
            return await VerifyAsync(connection, null, notes, ct);
        }
        finally
        {
            await connection.ExecuteAsync("COMMIT");
        }
    }

    /// <summary>The same on a connection that the caller has, within its transaction where it has one.</summary>
    public Task<AuditVerification> VerifyAsync(DbConnection connection, DbTransaction? tx, IReadOnlyList<string> notes, CancellationToken ct) =>
        new AuditCheck(connection, tx, keys, signer.Key, options.RetentionYears, time.GetUtcNow(), notes).RunAsync(ct);
}
