using Rag.Ingestion;

namespace Rag.Indexing;

/// <summary>
/// Follows the change log and keeps the search index true to the record. Every engine guarantees the same: changes are
/// applied in order and idempotently; <see cref="Position"/> never says more than questions find; and what was deleted
/// leaves nothing behind once the indexer is idle.
/// </summary>
internal interface IIndexer
{
    /// <summary>Change-log position up to which everything can be found on this replica.</summary>
    long Position { get; }

    /// <summary>Completes when the index is open and holds all that the record held at the start.</summary>
    Task Ready { get; }

    /// <summary>Whether a question could be answered now; false before <see cref="Ready"/>.</summary>
    bool CanAnswer { get; }

    /// <summary>What keeps the indexer from going on, in words; null while it works.</summary>
    string? Trouble { get; }

    /// <summary>Waits until the change at <paramref name="seq"/> can be found.</summary>
    /// <exception cref="Foundation.RagException">Unavailable: it could not within <paramref name="timeout"/>.</exception>
    Task WaitForAsync(long seq, TimeSpan timeout, CancellationToken ct);

    /// <summary>Builds a collection's index anew from the record; questions are answered meanwhile.</summary>
    /// <param name="progress">Told how many documents are done, of how many.</param>
    Task RebuildAsync(Collection collection, Action<long, long>? progress, CancellationToken ct);
}
