using System.Data.Common;
using System.Globalization;
using System.Text;
using Dapper;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Ingestion;

/// <summary>
/// Requests that carried an Idempotency-Key, for a day. The answer is kept, and the same request again gets it; and each
/// write is kept in its own transaction, so that a request whose answer never came, or that was held up on another
/// replica until long after it was sent again, is not applied a second time.
/// </summary>
internal sealed class IdempotencyKeys(Database database, TimeProvider time)
{
    public const int MaxKeyChars = 255;
    private const int MaxRemoved = 10_000;
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(1);

    /// <summary>The kept answer, or null; throws Conflict when the key was used for another request.</summary>
    public async Task<string?> FindAsync(string key, string requestHash, CancellationToken ct)
    {
        if (key.Length > MaxKeyChars) throw new RagException(ErrorKind.Invalid, $"The Idempotency-Key has {key.Length} characters; at most {MaxKeyChars} are allowed.", "Send a UUID.");
        await using var connection = await database.OpenAsync(ct);
        var row = await connection.QuerySingleOrDefaultAsync<(string RequestHash, string Response)?>(new CommandDefinition(
            "SELECT request_hash, response FROM idempotency_keys WHERE key = @key AND created_at > @oldest", new { key, oldest = Oldest() }, cancellationToken: ct));
        if (row is null) return null;
        if (row.Value.RequestHash != requestHash)
            throw new RagException(ErrorKind.Conflict, "This Idempotency-Key was used for another request.", "Use a new key for each request; the same only to repeat one.");
        return row.Value.Response;
    }

    public Task KeepAsync(string key, string requestHash, string response, CancellationToken ct) => database.WriteAsync(async tx =>
    {
        await tx.Connection!.ExecuteAsync(
            "INSERT INTO idempotency_keys (key, request_hash, response, created_at) VALUES (@key, @requestHash, @response, @now) ON CONFLICT (key) DO UPDATE SET request_hash = @requestHash, response = @response, created_at = @now WHERE idempotency_keys.created_at <= @oldest",
            new { key, requestHash, response, now = time.Microseconds(), oldest = Oldest() }, tx);
    }, ct);

    /// <summary>
    /// Takes the keys of these documents for the caller's transaction, waiting for another that has them. For each document,
    /// in their order: what was written under its key before; null where it is to be written now.
    /// </summary>
    public async Task<WrittenDocument?[]> ClaimAsync(DbTransaction tx, IReadOnlyList<PreparedDocument> documents)
    {
        var earlier = new WrittenDocument?[documents.Count];
        // In one order for everybody, so that two transactions never wait for each other.
        var keyed = documents.Where(d => d.Key is not null).Select(d => (d.Key, d.Uri, d.ContentHash)).Distinct()
            .OrderBy(d => d.Key, StringComparer.Ordinal).ThenBy(d => d.Uri, StringComparer.Ordinal).ThenBy(d => d.ContentHash, StringComparer.Ordinal).ToList();
        if (keyed.Count == 0) return earlier;
        var values = new DynamicParameters(new { now = time.Microseconds() });
        var sql = new StringBuilder("INSERT INTO idempotent_writes (key, uri, content_hash, created_at) VALUES ");
        for (int i = 0; i < keyed.Count; i++)
        {
            sql.Append(i == 0 ? "" : ", ").Append(CultureInfo.InvariantCulture, $"(@k{i}, @u{i}, @h{i}, @now)");
            values.Add($"k{i}", keyed[i].Key);
            values.Add($"u{i}", keyed[i].Uri);
            values.Add($"h{i}", keyed[i].ContentHash);
        }
        int claimed = await tx.Connection!.ExecuteAsync(sql.Append(" ON CONFLICT (key, uri, content_hash) DO NOTHING").ToString(), values, tx);
        if (claimed == keyed.Count) return earlier;
        for (int i = 0; i < documents.Count; i++)
            if (documents[i].Key is not null
                && await tx.Connection!.QuerySingleOrDefaultAsync<(string Id, long Version, long? Seq)?>(
                    "SELECT document_id, version, seq FROM idempotent_writes WHERE key = @Key AND uri = @Uri AND content_hash = @ContentHash AND document_id IS NOT NULL",
                    new { documents[i].Key, documents[i].Uri, documents[i].ContentHash }, tx) is { } row)
                earlier[i] = new(row.Id, row.Version, row.Seq);
        return earlier;
    }

    /// <summary>Keeps what became of the documents under the keys that <see cref="ClaimAsync"/> took.</summary>
    public Task KeepAsync(DbTransaction tx, IReadOnlyList<PreparedDocument> documents, IReadOnlyList<WrittenDocument> written)
    {
        var rows = documents.Select((d, i) => (Document: d, Written: written[i])).Where(r => r.Document.Key is not null)
            .Select(r => new { r.Document.Key, r.Document.Uri, r.Document.ContentHash, r.Written.Id, r.Written.Version, r.Written.Seq }).ToList();
        return rows.Count == 0 ? Task.CompletedTask : tx.Connection!.ExecuteAsync(
            "UPDATE idempotent_writes SET document_id = @Id, version = @Version, seq = @Seq WHERE key = @Key AND uri = @Uri AND content_hash = @ContentHash AND document_id IS NULL", rows, tx);
    }

    /// <summary>Removes what is too old to be found; the leader's work, in pieces, so that no transaction is long.</summary>
    public async Task CleanAsync(LeaderTerm term, CancellationToken ct)
    {
        foreach (string table in (string[])["idempotency_keys", "idempotent_writes"])
        {
            int removed;
            do
            {
                removed = await term.WriteAsync(tx => tx.Connection!.ExecuteAsync(
                    $"DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE created_at <= @oldest LIMIT @MaxRemoved)", new { oldest = Oldest(), MaxRemoved }, tx), ct);
            }
            while (removed >= MaxRemoved);
        }
    }

    private long Oldest() => Clock.ToMicroseconds(time.GetUtcNow() - Lifetime);
}
