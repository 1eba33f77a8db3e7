using Dapper;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Ingestion;

/// <summary>Answers to requests that carried an Idempotency-Key, kept for a day: the same request again gets the same answer and writes nothing.</summary>
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

    /// <summary>Removes what is too old to be found; the leader's work, in pieces, so that no transaction is long.</summary>
    public async Task CleanAsync(LeaderTerm term, CancellationToken ct)
    {
        int removed;
        do
        {
            removed = await term.WriteAsync(tx => tx.Connection!.ExecuteAsync(
                "DELETE FROM idempotency_keys WHERE key IN (SELECT key FROM idempotency_keys WHERE created_at <= @oldest LIMIT @MaxRemoved)", new { oldest = Oldest(), MaxRemoved }, tx), ct);
        }
        while (removed == MaxRemoved);
    }

    private long Oldest() => Clock.ToMicroseconds(time.GetUtcNow() - Lifetime);
}
