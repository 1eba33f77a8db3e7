using System.Data.Common;

namespace Rag.Storage;

/// <summary>
/// The system of record. Slices write SQL in the dialect that SQLite and PostgreSQL share and reach it through
/// these few members; what the engines do differently lies behind them.
/// </summary>
internal abstract class Database : IAsyncDisposable
{
    /// <summary>Bound in seconds for a statement that may touch a large part of the record; given to it as its own time limit.</summary>
    public const int LongCommandSeconds = 600;

    /// <summary>Engine name as configuration spells it.</summary>
    public abstract string Provider { get; }

    /// <summary>Whether other processes may write the same record; without it, this process is alone.</summary>
    public abstract bool Shared { get; }

    /// <summary>The pieces of SQL that the engines write differently.</summary>
    public abstract SqlDialect Dialect { get; }

    /// <summary>A pooled connection that sees committed data. The caller disposes of it.</summary>
    /// <exception cref="Foundation.RagException">Unavailable when the engine cannot be reached, within a bounded time.</exception>
    public abstract ValueTask<DbConnection> OpenAsync(CancellationToken ct);

    /// <summary>
    /// Runs <paramref name="work"/> in one transaction that is durable when the task completes, and rolled back
    /// when it throws. The work may run once only: it is never retried here.
    /// </summary>
    /// <exception cref="Foundation.RagException">
    /// StorageFull when the disk has no room; Unavailable when the engine cannot be reached, with
    /// <see cref="DatabaseLostException"/> in it, or <see cref="UnknownOutcomeException"/> where the engine was lost while it
    /// committed; Conflict when what it refers to is gone.
    /// </exception>
    public abstract Task<T> WriteAsync<T>(Func<DbTransaction, Task<T>> work, CancellationToken ct);

    public Task WriteAsync(Func<DbTransaction, Task> work, CancellationToken ct) =>
        WriteAsync(async tx => { await work(tx); return 0; }, ct);

    /// <summary>
    /// As <see cref="WriteAsync{T}"/> for work that takes long: each of its statements may run as long as <paramref name="limit"/>.
    /// Nobody else writes to the tables meanwhile; who reads them sees what was there before.
    /// </summary>
    public abstract Task<T> WriteAloneAsync<T>(IReadOnlyList<string> tables, TimeSpan limit, Func<DbTransaction, Task<T>> work, CancellationToken ct);

    /// <summary>
    /// Makes this transaction the only one that appends to the change log until it ends, and tells the other processes of
    /// it when it commits. Nothing else is locked after it.
    /// </summary>
    public abstract Task LockChangeLogAsync(DbTransaction tx);

    /// <summary>Inserts many rows in the way that the engine does fastest. Values are long, string, byte[] or null.</summary>
    public abstract Task InsertAsync(DbTransaction tx, string table, IReadOnlyList<string> columns, IReadOnlyList<object?[]> rows);

    /// <summary>The tables of the schema, in the order of their names.</summary>
    public abstract Task<IReadOnlyList<RecordTable>> TablesAsync(DbConnection connection, CancellationToken ct);

    /// <summary>The record as it is now, for reading it whole while others write.</summary>
    public abstract Task<RecordSnapshot> SnapshotAsync(CancellationToken ct);

    /// <summary>
    /// Writes rows in <see cref="RowFormat"/> into a table in the way that the engine does fastest; the fields of a row are
    /// <paramref name="columns"/>. Returns how many.
    /// </summary>
    public abstract Task<long> CopyInAsync(DbTransaction tx, string table, IReadOnlyList<RecordColumn> columns, IAsyncEnumerable<RowBlock> rows, CancellationToken ct);

    /// <summary>The last number that the counting column of a table gave.</summary>
    public abstract Task<long> ReadSerialAsync(DbConnection connection, RecordTable table, CancellationToken ct);

    /// <summary>Makes the counting column of a table go on after <paramref name="last"/>, or after what it gave last where that is more.</summary>
    public abstract Task RaiseSerialAsync(DbTransaction tx, RecordTable table, long last);

    /// <summary>Lets the statements of this transaction that ask for it run for <see cref="LongCommandSeconds"/>.</summary>
    public abstract Task AllowLongAsync(DbTransaction tx);

    /// <summary>Brings the schema to this release's version; safe to call from several processes at once.</summary>
    public abstract Task MigrateAsync(CancellationToken ct);

    /// <summary>Takes what deletions left in journals and free pages off the disk, where that is this process's to do.</summary>
    public abstract Task ScrubAsync(CancellationToken ct);

    /// <summary>
    /// From the commit of this transaction on every write to the tables fails, whoever tries it on whatever connection, until
    /// <see cref="UnguardAsync"/>. Writes that are under way are waited for, so that none commits afterwards.
    /// </summary>
    public abstract Task GuardAsync(DbTransaction tx, IReadOnlyList<string> tables);

    public abstract Task UnguardAsync(DbTransaction tx, IReadOnlyList<string> tables);

    /// <summary>Tables that are guarded now, sorted.</summary>
    public abstract Task<IReadOnlyList<string>> GuardedAsync(DbConnection connection, CancellationToken ct);

    /// <summary>
    /// Work on the files of the record that changes nothing in it. It may take long; cut short at any moment, by a kill too, it
    /// leaves the record whole, and may be done again.
    /// </summary>
    /// <returns>What was done, a sentence.</returns>
    public abstract Task<string> TendAsync(Tending what, CancellationToken ct);

    /// <summary>Reads all of the record and checks it as far as the engine can.</summary>
    public abstract Task<IntegrityReport> InspectAsync(CancellationToken ct);

    /// <summary>Looks at the engine: version, latency, size, and what is wrong with it.</summary>
    public abstract Task<DatabaseReport> CheckAsync(CancellationToken ct);

    /// <summary>Bytes that the record takes on disk.</summary>
    public abstract Task<long> SizeBytesAsync(CancellationToken ct);

    /// <summary>What an error of the engine's driver means, in the terms a caller can act on.</summary>
    public abstract Foundation.RagException Translate(DbException error);

    public abstract ValueTask DisposeAsync();
}

/// <param name="LockRows">Behind a SELECT: its rows stay as they are until the transaction ends.</param>
/// <param name="SkipLocked">The same for the rows of table alias <c>c</c>, leaving out those that others hold.</param>
/// <param name="Now">The engine's clock, UTC microseconds: one clock for all processes.</param>
/// <param name="TextItems">The texts of a JSON array, which an expression gives, as a table of the second name with the column <c>value</c>.</param>
/// <param name="Lookup">
/// Rows of a table, the second text, for each item <c>wanted.value</c> of a JSON array, the first, where the third holds: looked
/// up by an index even where the engine has not counted the table yet, as after a bulk load or a restore.
/// </param>
/// <param name="Snapshot">Begins a transaction that sees the record as it is then until COMMIT, and holds nobody up.</param>
internal sealed record SqlDialect(string LockRows, string SkipLocked, string Now, Func<string, string, string> TextItems, Func<string, string, string, string> Lookup, string Snapshot);

/// <summary>Work on the record's files.</summary>
internal enum Tending
{
    /// <summary>Gives back the space of what was removed.</summary>
    Vacuum,
    /// <summary>Builds every index anew.</summary>
    Reindex,
    /// <summary>Renews the statistics that queries are planned by.</summary>
    Analyze,
}

/// <param name="Checked">What was looked at, a sentence.</param>
/// <param name="Rows">Rows of each table that were read.</param>
/// <param name="Problems">Empty where nothing is wrong.</param>
internal sealed record IntegrityReport(string Checked, IReadOnlyDictionary<string, long> Rows, IReadOnlyList<string> Problems);

/// <summary>The engine cannot be reached now; nothing that is tried at once will fare better.</summary>
internal class DatabaseLostException(string message, Exception inner) : Exception(message, inner);

/// <summary>The engine answers, and another transaction holds what this one needs: the record is there.</summary>
internal sealed class DatabaseBusyException(string message, Exception inner) : Exception(message, inner);

/// <summary>The engine was lost while it committed: the transaction is there whole or not at all, and which is not known.</summary>
internal sealed class UnknownOutcomeException(string message, Exception inner) : DatabaseLostException(message, inner);
