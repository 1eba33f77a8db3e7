using System.Data.Common;
using Dapper;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Indexing;

/// <summary>
/// Shares out the chunks that wait for vectors among the workers of all replicas, so that each vector is made once. A
/// claim lasts for <see cref="Lease"/> by the record's clock and is renewed while its worker works; what a killed worker
/// had claimed goes to another when it has run out. With a record of its own, the one worker needs none.
/// </summary>
internal sealed class EmbeddingClaims(Database database, TimeProvider time)
{
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(60), RenewEvery = TimeSpan.FromSeconds(15);

    public string Owner { get; } = Ids.New(time);

    /// <summary>Claims up to <paramref name="limit"/> chunks that nobody works on; gives back what this worker held before. Says how many.</summary>
    public async Task<int> ClaimAsync(int limit, CancellationToken ct)
    {
        string now = database.Dialect.Now;
        return await database.WriteAsync(async tx =>
        {
            await ReleaseAsync(tx);
            // Rows that another worker is claiming now are passed over; a claim that was committed between this statement's
            // start and its end is met by the conflict, and kept.
            return await tx.Connection!.ExecuteAsync(
                $"""
                INSERT INTO embedding_claims (version_no, ordinal, owner, until_at)
                SELECT version_no, ordinal, @Owner, {now} + @lease FROM (
                  SELECT c.version_no, c.ordinal FROM chunks c
                  WHERE c.vector IS NULL AND NOT EXISTS (
                    SELECT 1 FROM embedding_claims e WHERE e.version_no = c.version_no AND e.ordinal = c.ordinal AND e.until_at > {now})
                  ORDER BY c.version_no, c.ordinal LIMIT @limit {database.Dialect.SkipLocked}) free
                WHERE true
                ON CONFLICT (version_no, ordinal) DO UPDATE SET owner = excluded.owner, until_at = excluded.until_at
                WHERE embedding_claims.until_at <= {now}
                """, new { Owner, lease = (long)Lease.TotalMicroseconds, limit }, tx);
        }, ct);
    }

    /// <summary>Waits for the work and renews the claims meanwhile.</summary>
    public async Task<T> HoldAsync<T>(Task<T> work, CancellationToken ct)
    {
        while (database.Shared)
        {
            if (await Task.WhenAny(work, Task.Delay(RenewEvery, time, ct)) == work || ct.IsCancellationRequested) break;
            await database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
                $"UPDATE embedding_claims SET until_at = {database.Dialect.Now} + @lease WHERE owner = @Owner", new { Owner, lease = (long)Lease.TotalMicroseconds }, tx), ct);
        }
        return await work;
    }

    /// <summary>Gives back, in the transaction that stores the vectors, what this worker holds.</summary>
    public Task ReleaseAsync(DbTransaction tx) => tx.Connection!.ExecuteAsync("DELETE FROM embedding_claims WHERE owner = @Owner", new { Owner }, tx);

    public Task ReleaseAsync(CancellationToken ct) => database.WriteAsync(ReleaseAsync, ct);

    /// <summary>Removes claims that ran out and that nobody took over, for their chunks are gone.</summary>
    public Task<int> CleanAsync(Storage.Leadership.LeaderTerm term, CancellationToken ct) =>
        term.WriteAsync(tx => tx.Connection!.ExecuteAsync($"DELETE FROM embedding_claims WHERE until_at < {database.Dialect.Now}", transaction: tx), ct);
}
