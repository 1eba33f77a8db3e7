using System.Data;
using System.Data.Common;
using System.Globalization;
using System.Text;
using Dapper;
using Rag.Foundation;

namespace Rag.Storage;

/// <summary>What a change was: a document written, removed, its vectors made, its readers changed; a collection changed or removed.</summary>
internal static class ChangeKind
{
    public const string DocumentPut = "document.put";
    public const string DocumentDeleted = "document.deleted";
    public const string DocumentEmbedded = "document.embedded";

    /// <summary>Who is shown the document may have changed, and its version with it.</summary>
    public const string DocumentPermitted = "document.permitted";

    public const string CollectionPut = "collection.put";
    public const string CollectionDeleted = "collection.deleted";

    /// <summary>After it, somebody may be shown less than before: whoever made it waits until it holds on every replica.</summary>
    public static bool TakesAway(string kind) => kind is DocumentPermitted or DocumentDeleted or CollectionDeleted;
}

internal sealed record NewChange(string Kind, string CollectionId, string? DocumentId = null, long? Version = null);

internal sealed record Change(long Seq, string Kind, string CollectionId, string? DocumentId, long? Version, long At);

/// <summary>
/// The ordered list of everything written, appended in the transaction that writes. Whoever derives something from
/// the record (the search index) follows it.
/// </summary>
internal sealed class ChangeLog(Database database, TimeProvider time)
{
    private const int MaxRowsPerStatement = 128;

    private TaskCompletionSource _appended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Appends within the caller's transaction; returns the position of the change.</summary>
    public async Task<long> AppendAsync(DbTransaction tx, string kind, string collectionId, string? documentId = null, long? version = null) =>
        (await AppendAsync(tx, [new(kind, collectionId, documentId, version)]))[0];

    /// <summary>
    /// Appends within the caller's transaction; returns the positions in the order of the changes. Positions are given in
    /// the order of commits, so appending is the last that a transaction does, and it appends once: until it ends, no other
    /// transaction appends.
    /// </summary>
    public async Task<IReadOnlyList<long>> AppendAsync(DbTransaction tx, IReadOnlyList<NewChange> changes)
    {
        if (changes.Count == 0) return [];
        await database.LockChangeLogAsync(tx);
        var seqs = new List<long>(changes.Count);
        long at = time.Microseconds();
        foreach (var chunk in changes.Chunk(MaxRowsPerStatement))
        {
            var values = new DynamicParameters(new { at });
            var sql = new StringBuilder("INSERT INTO change_log (kind, collection_id, document_id, version, at) VALUES ");
            for (int i = 0; i < chunk.Length; i++)
            {
                sql.Append(i == 0 ? "" : ", ").Append(CultureInfo.InvariantCulture, $"(@k{i}, @c{i}, @d{i}, @v{i}, @at)");
                values.Add($"k{i}", chunk[i].Kind);
                values.Add($"c{i}", chunk[i].CollectionId);
                values.Add($"d{i}", chunk[i].DocumentId, DbType.String);
                values.Add($"v{i}", chunk[i].Version, DbType.Int64);
            }
            seqs.AddRange(await tx.Connection!.QueryAsync<long>(sql.Append(" RETURNING seq").ToString(), values, tx));
        }
        // Rows count up in the order in which they were given; the order in which an engine returns them is its own affair.
        seqs.Sort();
        return seqs;
    }

    /// <summary>Wakes those who wait for a change; called after the transaction committed.</summary>
    public void Announce() => Interlocked.Exchange(ref _appended, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>Completes at the next announcement; take it before reading, wait on it after, and nothing is missed.</summary>
    public Task NextAnnouncement => Volatile.Read(ref _appended).Task;

    public async Task<IReadOnlyList<Change>> ReadAsync(long after, int limit, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await ReadAsync(connection, after, limit, ct);
    }

    /// <summary>The same on a connection that the caller has, within its transaction where it has one.</summary>
    public async Task<IReadOnlyList<Change>> ReadAsync(DbConnection connection, long after, int limit, CancellationToken ct)
    {
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

    /// <summary>Position of the last change to a collection; 0 where there was none.</summary>
    public async Task<long> LastOfAsync(string collectionId, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.QuerySingleOrDefaultAsync<long>(new CommandDefinition(
            "SELECT seq FROM change_log WHERE collection_id = @collectionId ORDER BY seq DESC LIMIT 1", new { collectionId }, cancellationToken: ct));
    }
}
