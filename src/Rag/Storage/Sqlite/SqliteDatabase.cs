using System.Collections.Concurrent;
using System.Data.Common;
using Dapper;
using Microsoft.Data.Sqlite;
using Rag.Foundation;

namespace Rag.Storage.Sqlite;

/// <summary>
/// SQLite in WAL mode with full synchronisation: a commit is on disk when it returns. One writer at a time, as the
/// engine has it; writers queue here so that none meets a busy database.
/// </summary>
internal sealed class SqliteDatabase(StorageOptions options) : Database
{
    /// <summary>Connections kept open while nobody uses them; more than these are closed.</summary>
    private const int MaxIdle = 16;

    private const long MaxWalBytes = 1_000_000_000;

    private readonly SemaphoreSlim _writer = new(1, 1);
    private readonly ConcurrentBag<PooledConnection> _idle = [];
    private int _idleCount;
    private bool _disposed;
    private readonly string _path = PathIn(options);
    private SqliteConnection? _writeConnection;

    public override string Provider => "sqlite";

    public override bool Shared => false;

    public override SqlDialect Dialect { get; } = new("", "", "CAST(unixepoch('subsec') * 1000000 AS INTEGER)", static (json, name) => $"json_each({json}) AS {name}",
        static (json, table, where) => $"json_each({json}) AS wanted CROSS JOIN {table} ON {where}", "BEGIN DEFERRED");

    /// <summary>The file that holds the record.</summary>
    public static string PathIn(StorageOptions options) => Path.Combine(options.DataDirectory, "rag.db");

    public string ConnectionString => new SqliteConnectionStringBuilder
    {
        DataSource = _path,
        Mode = SqliteOpenMode.ReadWriteCreate,
        // Pooled here, with what each connection is told once; the library's pool would have it told at every use.
        Pooling = false,
        DefaultTimeout = Math.Max(1, options.BusyTimeoutMs / 1000),
    }.ToString();

    public override async ValueTask<DbConnection> OpenAsync(CancellationToken ct)
    {
        if (_idle.TryTake(out var pooled))
        {
            Interlocked.Decrement(ref _idleCount);
            return pooled;
        }
        var connection = new PooledConnection(ConnectionString, GiveBack);
        try
        {
            await connection.OpenAsync(ct);
            // secure_delete overwrites what is deleted, so that a deleted document's text does not stay in free pages.
            await connection.ExecuteAsync($"""
                PRAGMA busy_timeout={options.BusyTimeoutMs};
                PRAGMA synchronous=FULL;
                PRAGMA foreign_keys=ON;
                PRAGMA secure_delete=ON;
                PRAGMA mmap_size=268435456;
                PRAGMA cache_size=-16384;
                PRAGMA temp_store=MEMORY;
                PRAGMA wal_autocheckpoint=4000;
                """);
            return connection;
        }
        catch (SqliteException e)
        {
            await connection.CloseForGoodAsync();
            throw Translate(e);
        }
    }

    public override async Task<T> WriteAsync<T>(Func<DbTransaction, Task<T>> work, CancellationToken ct)
    {
        await _writer.WaitAsync(ct);
        try
        {
            _writeConnection ??= (SqliteConnection)await OpenAsync(ct);
            await using var tx = _writeConnection.BeginTransaction(deferred: false);
            T result = await work(tx);
            await tx.CommitAsync(CancellationToken.None);
            return result;
        }
        catch (SqliteException e)
        {
            throw Translate(e);
        }
        finally
        {
            _writer.Release();
        }
    }

    /// <summary>Others that write wait for their turn.</summary>
    public override Task<T> WriteAloneAsync<T>(IReadOnlyList<string> tables, TimeSpan limit, Func<DbTransaction, Task<T>> work, CancellationToken ct) => WriteAsync(work, ct);

    /// <summary>There is one writer at a time already, and no other process.</summary>
    public override Task LockChangeLogAsync(DbTransaction tx) => Task.CompletedTask;

    public override async Task InsertAsync(DbTransaction tx, string table, IReadOnlyList<string> columns, IReadOnlyList<object?[]> rows)
    {
        await using var command = ((SqliteTransaction)tx).Connection!.CreateCommand();
        command.Transaction = (SqliteTransaction)tx;
        command.CommandText = $"INSERT INTO {table} ({string.Join(", ", columns)}) VALUES ({string.Join(", ", columns.Select(c => "@" + c))})";
        var parameters = columns.Select(c => command.Parameters.Add(new("@" + c, null))).ToArray();
        foreach (var row in rows)
        {
            for (int i = 0; i < row.Length; i++) parameters[i].Value = row[i] ?? DBNull.Value;
            await command.ExecuteNonQueryAsync();
        }
    }

    public override Task<IReadOnlyList<RecordTable>> TablesAsync(DbConnection connection, CancellationToken ct) => SqliteTables.ReadAsync(connection, ct);

    public override Task<RecordSnapshot> SnapshotAsync(CancellationToken ct) => SqliteSnapshot.OpenAsync(ConnectionString, Translate, ct);

    public override Task<long> CopyInAsync(DbTransaction tx, string table, IReadOnlyList<RecordColumn> columns, IAsyncEnumerable<RowBlock> rows, CancellationToken ct) =>
        SqliteRows.CopyInAsync((SqliteTransaction)tx, table, columns, rows, ct);

    public override Task<long> ReadSerialAsync(DbConnection connection, RecordTable table, CancellationToken ct) => connection.ExecuteScalarAsync<long>(new CommandDefinition(
        "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = @Name", new { table.Name }, cancellationToken: ct));

    public override async Task RaiseSerialAsync(DbTransaction tx, RecordTable table, long last)
    {
        // The engine's own table; there is no row before the first number was given.
        if (await tx.Connection!.ExecuteAsync("UPDATE sqlite_sequence SET seq = MAX(seq, @last) WHERE name = @Name", new { last, table.Name }, tx) == 0)
            await tx.Connection!.ExecuteAsync("INSERT INTO sqlite_sequence (name, seq) VALUES (@Name, @last)", new { last, table.Name }, tx);
    }

    public override Task AllowLongAsync(DbTransaction tx) => Task.CompletedTask;

    public override async Task MigrateAsync(CancellationToken ct)
    {
        Directory.CreateDirectory(options.DataDirectory);
        await using var connection = (SqliteConnection)await OpenAsync(ct);
        await connection.ExecuteAsync("PRAGMA journal_mode=WAL;");
        SqliteMigrations.Run(ConnectionString);
    }

    public override async Task ScrubAsync(CancellationToken ct)
    {
        await _writer.WaitAsync(ct);
        try
        {
            _writeConnection ??= (SqliteConnection)await OpenAsync(ct);
            await _writeConnection.ExecuteAsync("PRAGMA wal_checkpoint(TRUNCATE);");
        }
        finally
        {
            _writer.Release();
        }
    }

    public override Task GuardAsync(DbTransaction tx, IReadOnlyList<string> tables) => SqliteGuard.CloseAsync(tx, tables);

    public override Task UnguardAsync(DbTransaction tx, IReadOnlyList<string> tables) => SqliteGuard.OpenAsync(tx, tables);

    public override Task<IReadOnlyList<string>> GuardedAsync(DbConnection connection, CancellationToken ct) => SqliteGuard.ListAsync(connection, ct);

    public override async Task<string> TendAsync(Tending what, CancellationToken ct)
    {
        // Nothing of this runs inside a transaction, and there is one writer at a time.
        await _writer.WaitAsync(ct);
        try
        {
            _writeConnection ??= (SqliteConnection)await OpenAsync(ct);
            return await SqliteTending.RunAsync(_writeConnection, what, ct);
        }
        catch (SqliteException e)
        {
            throw Translate(e);
        }
        finally
        {
            _writer.Release();
        }
    }

    public override async Task<IntegrityReport> InspectAsync(CancellationToken ct)
    {
        await using var connection = await OpenAsync(ct);
        return await SqliteTending.InspectAsync(connection, ct);
    }

    public override async Task<DatabaseReport> CheckAsync(CancellationToken ct)
    {
        await using var connection = await OpenAsync(ct);
        var latency = new List<double>();
        for (int i = 0; i < 9; i++)
        {
            long started = System.Diagnostics.Stopwatch.GetTimestamp();
            await connection.ExecuteScalarAsync(new CommandDefinition("SELECT MAX(seq) FROM change_log", cancellationToken: ct));
            latency.Add(Math.Round(System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalMilliseconds, 3));
        }
        latency.Sort();
        long pages = await PragmaAsync<long>("page_count"), free = await PragmaAsync<long>("freelist_count");
        string integrity = await PragmaAsync<string>("quick_check(1)") ?? "nothing";
        var wal = new FileInfo(_path + "-wal");
        long walBytes = wal.Exists ? wal.Length : 0;
        var problems = new List<DatabaseProblem>();
        if (integrity != "ok") problems.Add(new("damaged", $"The record is damaged: {integrity}", "Restore it from a backup."));
        if (walBytes > MaxWalBytes) problems.Add(new("wal", $"The write-ahead log has grown to {walBytes / 1e6:F0} MB.", "Restart the server; a reader that never ends keeps it from being taken in."));
        return new("sqlite", connection.ServerVersion, await SizeBytesAsync(ct), latency, null, null, new(walBytes, free, pages, integrity == "ok"), [], [], problems);

        Task<T?> PragmaAsync<T>(string name) => connection.ExecuteScalarAsync<T>(new CommandDefinition("PRAGMA " + name, commandTimeout: LongCommandSeconds, cancellationToken: ct));
    }

    public override Task<long> SizeBytesAsync(CancellationToken ct) =>
        Task.FromResult(new[] { _path, _path + "-wal" }.Select(p => new FileInfo(p)).Where(f => f.Exists).Sum(f => f.Length));

    public override async ValueTask DisposeAsync()
    {
        Volatile.Write(ref _disposed, true);
        if (_writeConnection is not null) await _writeConnection.DisposeAsync();
        while (_idle.TryTake(out var connection)) await connection.CloseForGoodAsync();
        _writer.Dispose();
    }

    /// <summary>Keeps a connection for the next who opens one; false when it should be closed.</summary>
    private bool GiveBack(PooledConnection connection)
    {
        if (Volatile.Read(ref _disposed)) return false;
        if (Interlocked.Increment(ref _idleCount) <= MaxIdle)
        {
            _idle.Add(connection);
            return true;
        }
        Interlocked.Decrement(ref _idleCount);
        return false;
    }

    public override RagException Translate(DbException error) => error is SqliteException e ? Translate(e) : new(ErrorKind.Unavailable, $"The record answered with an error: {error.Message}", "Try again; the log holds the details.", error);


    private RagException Translate(SqliteException e) => e.SqliteErrorCode switch
    {
        13 => new(ErrorKind.StorageFull, "The disk that holds the record is full.", $"Free space in {options.DataDirectory}; nothing was lost or half-written.", e),
        5 or 6 => new(ErrorKind.Unavailable, "The record is locked by another process.", "Try again; if it persists, find the process that holds the data directory open.", e),
        11 or 26 => new(ErrorKind.Unavailable, $"The record {_path} is damaged: {e.Message}", "Restore it from a backup.", e),
        19 when SqliteGuard.Refused(e) => new(ErrorKind.ReadOnly, "The record is read-only for maintenance.", "Try again when it is over: 'rag maintenance read-only status' says when that is.", e),
        19 => new(ErrorKind.Conflict, "What this write refers to was changed or removed meanwhile.", "Look at the present state and try again.", e),
        14 => new(ErrorKind.Unavailable, $"The record {_path} cannot be opened.", "Check that the directory exists and that this user may write to it.", e),
        _ => new(ErrorKind.Unavailable, $"The record answered with an error: {e.Message}", "Try again; the log holds the details.", e),
    };
}
