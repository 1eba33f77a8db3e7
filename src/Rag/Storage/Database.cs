using System.Data.Common;

namespace Rag.Storage;

/// <summary>
/// The system of record. Slices write SQL in the dialect that SQLite and PostgreSQL share and reach it through
/// these few members; what the engines do differently lies behind them.
/// </summary>
internal abstract class Database : IAsyncDisposable
{
    /// <summary>Engine name as configuration spells it.</summary>
    public abstract string Provider { get; }

    /// <summary>A pooled connection that sees committed data. The caller disposes of it.</summary>
    public abstract ValueTask<DbConnection> OpenAsync(CancellationToken ct);

    /// <summary>
    /// Runs <paramref name="work"/> in one transaction that is durable when the task completes, and rolled back
    /// when it throws. The work may run once only: it is never retried here.
    /// </summary>
    /// <exception cref="Foundation.RagException">StorageFull when the disk has no room; Unavailable when the engine cannot be reached.</exception>
    public abstract Task<T> WriteAsync<T>(Func<DbTransaction, Task<T>> work, CancellationToken ct);

    public Task WriteAsync(Func<DbTransaction, Task> work, CancellationToken ct) =>
        WriteAsync(async tx => { await work(tx); return 0; }, ct);

    /// <summary>Brings the schema to this release's version; safe to call from several processes at once.</summary>
    public abstract Task MigrateAsync(CancellationToken ct);

    /// <summary>Takes what deletions left in journals and free pages off the disk.</summary>
    public abstract Task ScrubAsync(CancellationToken ct);

    /// <summary>Bytes that the record takes on disk.</summary>
    public abstract Task<long> SizeBytesAsync(CancellationToken ct);

    public abstract ValueTask DisposeAsync();
}
