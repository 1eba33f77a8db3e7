using System.Data.Common;
using Dapper;
using Rag.Foundation;

namespace Rag.Storage;

/// <summary>What a change was: a document written, a document removed, its vectors made, a collection changed or removed.</summary>
internal static class ChangeKind
{
    public const string DocumentPut = "document.put";
    public const string DocumentDeleted = "document.deleted";
    public const string DocumentEmbedded = "document.embedded";
    public const string CollectionPut = "collection.put";
    public const string CollectionDeleted = "collection.deleted";
}

internal sealed record Change(long Seq, string Kind, string CollectionId, string? DocumentId, long? Version, long At);

/// <summary>
/// The ordered list of everything written, appended in the transaction that writes. Whoever derives something from
/// the record (the search index) follows it.
/// </summary>
internal sealed class ChangeLog(Database database, TimeProvider time)
{
    private TaskCompletionSource _appended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>
    /// Appends within the caller's transaction; returns the position of the change. Positions are given in the order of
    /// commits, so appending is the last that a transaction does: until it ends, no other transaction appends.
    /// </summary>
    public async Task<long> AppendAsync(DbTransaction tx, string kind, string collectionId, string? documentId = null, long? version = null)
    {
        await database.LockChangeLogAsync(tx);
        return await tx.Connection!.ExecuteScalarAsync<long>(
            """
            INSERT INTO change_log (kind, collection_id, document_id, version, at)
            VALUES (@kind, @collectionId, @documentId, @version, @at) RETURNING seq
            """,
            new { kind, collectionId, documentId, version, at = time.Microseconds() }, tx);
    }

    /// <summary>Wakes those who wait for a change; called after the transaction committed.</summary>
    public void Announce() => Interlocked.Exchange(ref _appended, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>Completes at the next announcement; take it before reading, wait on it after, and nothing is missed.</summary>
    public Task NextAnnouncement => Volatile.Read(ref _appended).Task;

    public async Task<IReadOnlyList<Change>> ReadAsync(long after, int limit, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<Change>(new CommandDefinition(
            """
            SELECT seq AS Seq, kind AS Kind, collection_id AS CollectionId, document_id AS DocumentId, version AS Version, at AS At
            FROM change_log WHERE seq > @after ORDER BY seq LIMIT @limit
            """, new { after, limit }, cancellationToken: ct));
        return rows.AsList();
    }

    public async Task<long> LastAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition("SELECT COALESCE(MAX(seq), 0) FROM change_log", cancellationToken: ct));
    }
}
