using System.Data.Common;
using Dapper;
using Npgsql;
using Rag.Foundation;

namespace Rag.Storage.Postgres;

/// <summary>
/// PostgreSQL, pooled. Every wait is bounded: for a connection, for a lock, for a statement. A commit is on the server's
/// disk when it returns, whatever the server's default says.
/// </summary>
internal sealed class PostgresDatabase : Database
{
    /// <summary>An open transaction whose client is silent this long is ended by the server: a stopped process holds no locks for longer.</summary>
    public const int IdleInTransactionSeconds = 15;

    /// <summary>Beyond the server's own bound on a statement, how long is waited for it to say so.</summary>
    private const int AnswerGraceSeconds = 2;
    private const int CancelMs = 1_000;
    private const int MaxNameBytes = 63;
    private const int MigrationLockSeconds = 120;
    private const int AloneLockSeconds = 30, AloneIdleSeconds = 120, AloneAttempts = 5;

    /// <summary>Advisory locks of this product, in a number space of its own; the second number is the schema's.</summary>
    private const int ChangeLogLock = 0x52414731, MigrationLock = 0x52414732;

    /// <summary>A pool that was not used this long is asked whether its connections still stand before one is handed out.</summary>
    private static readonly TimeSpan TrustIdle = TimeSpan.FromMilliseconds(100);

    private readonly PostgresOptions _options;
    private readonly TimeProvider _time;
    private readonly NpgsqlDataSource _pool;
    private readonly SemaphoreSlim _writers;
    private readonly string _connectionString, _application;
    private long _usedAt;

    public PostgresDatabase(StorageOptions options, TimeProvider time)
    {
        (_options, _time) = (options.Postgres, time);
        var settings = _options.Read();
        settings.MaxPoolSize = _options.MaxPoolSize;
        settings.Timeout = Seconds(_options.ConnectTimeoutMs);
        settings.CommandTimeout = Seconds(_options.StatementTimeoutMs) + AnswerGraceSeconds;
        settings.CancellationTimeout = CancelMs;
        // A socket in the file system has no such thing and refuses to be asked for it.
        settings.TcpKeepAlive = settings.Host?.StartsWith('/') != true;
        if (settings.TcpKeepAlive)
        {
            settings.TcpKeepAliveTime = 5;
            settings.TcpKeepAliveInterval = 1;
        }
        // Told apart from other replicas in what the server shows of its connections.
        settings.ApplicationName ??= $"rag-system {Environment.MachineName}/{Environment.ProcessId}";
        _application = settings.ApplicationName.Length <= MaxNameBytes ? settings.ApplicationName : settings.ApplicationName[..MaxNameBytes];
        settings.IncludeErrorDetail = false;
        _connectionString = settings.ToString();
        // Settings of the session travel with its start: what is set later is reset when the connection goes back to the pool.
        settings.Options = $"{settings.Options} -c statement_timeout={_options.StatementTimeoutMs} -c lock_timeout={_options.LockTimeoutMs} -c idle_in_transaction_session_timeout={IdleInTransactionSeconds * 1000} -c synchronous_commit=on".Trim();
        _pool = new NpgsqlDataSourceBuilder(settings.ToString()).Build();
        // Half of the pool is left to readers, whatever the writers wait for.
        _writers = new(_options.MaxPoolSize / 2, _options.MaxPoolSize / 2);
    }

    public override string Provider => "postgres";

    public override bool Shared => true;

    public override SqlDialect Dialect { get; } = new("FOR NO KEY UPDATE", "FOR NO KEY UPDATE OF c SKIP LOCKED", "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT", static (json, name) => $"jsonb_array_elements_text(({json})::jsonb) AS {name}(value)",
        static (json, table, where) => $"jsonb_array_elements_text(({json})::jsonb) AS wanted(value) CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {where} OFFSET 0) AS {table}", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");

    public PostgresOptions Options => _options;

    /// <summary>What the server knows the connections of this process by.</summary>
    public string Application => _application;

    /// <summary>A connection of its own outside the pool, for one who stays on it.</summary>
    /// <param name="limit">How long a statement may take on it; the usual where it is not said.</param>
    public async Task<NpgsqlConnection> ConnectAloneAsync(CancellationToken ct, TimeSpan? limit = null)
    {
        var settings = new NpgsqlConnectionStringBuilder(_connectionString) { Pooling = false, KeepAlive = 10 };
        if (limit is { } seconds) settings.CommandTimeout = (int)seconds.TotalSeconds + AnswerGraceSeconds;
        var connection = new NpgsqlConnection(settings.ToString());
        try
        {
            await connection.OpenAsync(ct);
            return connection;
        }
        catch (DbException e)
        {
            await connection.DisposeAsync();
            throw Translate(e);
        }
    }

    public override async ValueTask<DbConnection> OpenAsync(CancellationToken ct)
    {
        try
        {
            if (_time.GetElapsedTime(Interlocked.Exchange(ref _usedAt, _time.GetTimestamp())) < TrustIdle) return await _pool.OpenConnectionAsync(ct);
            return await OpenCheckedAsync(ct);
        }
        catch (DbException e)
        {
            throw Translate(e);
        }
    }

    public override async Task<T> WriteAsync<T>(Func<DbTransaction, Task<T>> work, CancellationToken ct)
    {
        if (!await _writers.WaitAsync(_options.StatementTimeoutMs, ct))
            throw new RagException(ErrorKind.Unavailable, "Too many writes wait for PostgreSQL.", "Try again shortly; if it persists, raise Storage:Postgres:MaxPoolSize or look for what holds locks with 'rag database check'.");
        try
        {
            // A connection that died in the pool is found out here, where nothing has been written yet.
            await using var connection = await OpenCheckedAsync(ct);
            await using var tx = await connection.BeginTransactionAsync(ct);
            T result = await work(tx);
            await CommitAsync(tx);
            return result;
        }
        catch (DbException e)
        {
            throw Translate(e);
        }
        finally
        {
            _writers.Release();
        }
    }

    public override async Task<T> WriteAloneAsync<T>(IReadOnlyList<string> tables, TimeSpan limit, Func<DbTransaction, Task<T>> work, CancellationToken ct)
    {
        await using var connection = await ConnectAloneAsync(ct, limit);
        try
        {
            await connection.ExecuteAsync($"SET statement_timeout = '{(long)limit.TotalSeconds}s'; SET lock_timeout = '{AloneLockSeconds}s'; SET idle_in_transaction_session_timeout = '{AloneIdleSeconds}s'; SET synchronous_commit = on");
            await using var tx = await BeginAloneAsync(connection, tables, ct);
            T result = await work(tx);
            await CommitAsync(tx);
            return result;
        }
        catch (DbException e)
        {
            throw Translate(e);
        }
    }

    /// <summary>A transaction that holds the tables against writers. One that met writers in another order is begun again: nothing was done in it yet.</summary>
    private static async Task<NpgsqlTransaction> BeginAloneAsync(NpgsqlConnection connection, IReadOnlyList<string> tables, CancellationToken ct)
    {
        for (int attempt = 1; ; attempt++)
        {
            var tx = await connection.BeginTransactionAsync(ct);
            try
            {
                if (tables.Count > 0) await connection.ExecuteAsync(new CommandDefinition($"LOCK TABLE {string.Join(", ", tables.Select(t => $"\"{t}\""))} IN EXCLUSIVE MODE", transaction: tx, cancellationToken: ct));
                return tx;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.DeadlockDetected && attempt < AloneAttempts)
            {
                await tx.DisposeAsync();
            }
            catch
            {
                await tx.DisposeAsync();
                throw;
            }
        }
    }

    public override Task LockChangeLogAsync(DbTransaction tx) => tx.Connection!.ExecuteAsync(
        "SELECT pg_advisory_xact_lock(@lock, hashtext(current_schema())), pg_notify(@channel, current_schema())", new { @lock = ChangeLogLock, channel = ChangeListener.Channel }, tx);

    public override async Task InsertAsync(DbTransaction tx, string table, IReadOnlyList<string> columns, IReadOnlyList<object?[]> rows)
    {
        if (rows.Count == 0) return;
        await using var copy = await ((NpgsqlConnection)tx.Connection!).BeginBinaryImportAsync($"COPY {table} ({string.Join(", ", columns)}) FROM STDIN (FORMAT BINARY)");
        foreach (var row in rows) await copy.WriteRowAsync(CancellationToken.None, row);
        await copy.CompleteAsync();
    }

    public override Task<IReadOnlyList<RecordTable>> TablesAsync(DbConnection connection, CancellationToken ct) => PostgresTables.ReadAsync(connection, ct);

    public override Task<RecordSnapshot> SnapshotAsync(CancellationToken ct) => PostgresSnapshot.OpenAsync(this, ct);

    public override Task<long> CopyInAsync(DbTransaction tx, string table, IReadOnlyList<RecordColumn> columns, IAsyncEnumerable<RowBlock> rows, CancellationToken ct) =>
        PostgresRows.CopyInAsync((NpgsqlConnection)tx.Connection!, table, columns, rows, ct);

    public override Task<long> ReadSerialAsync(DbConnection connection, RecordTable table, CancellationToken ct) => connection.ExecuteScalarAsync<long>(new CommandDefinition(
        "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence(@table, @Serial)::regclass), 0)", new { table = $"\"{table.Name}\"", table.Serial }, cancellationToken: ct));

    public override Task RaiseSerialAsync(DbTransaction tx, RecordTable table, long last) => last <= 0 ? Task.CompletedTask : tx.Connection!.ExecuteAsync(
        """
        SELECT setval(pg_get_serial_sequence(@table, @Serial)::regclass, GREATEST(@last, COALESCE(pg_sequence_last_value(pg_get_serial_sequence(@table, @Serial)::regclass), 0)))
        """, new { table = $"\"{table.Name}\"", table.Serial, last }, tx);

    public override Task AllowLongAsync(DbTransaction tx) => tx.Connection!.ExecuteAsync($"SET LOCAL statement_timeout = '{LongCommandSeconds}s'", transaction: tx);

    public override async Task MigrateAsync(CancellationToken ct)
    {
        // One process migrates and the others wait; a process that dies lets go with its connection.
        await using var connection = await ConnectAloneAsync(ct);
        try
        {
            string encoding = await connection.ExecuteScalarAsync<string>("SHOW server_encoding") ?? "";
            if (encoding != "UTF8") throw new RagException(ErrorKind.Unavailable, $"The PostgreSQL database stores text as {encoding}.", "Make a database with ENCODING 'UTF8' and name it in the connection string.");
            if (await connection.ExecuteScalarAsync<bool>("SELECT pg_is_in_recovery()")) throw ReadOnly(null);
            string schema = await connection.ExecuteScalarAsync<string?>("SELECT current_schema()")
                ?? throw new RagException(ErrorKind.Unavailable, "The connection's search path names no schema that exists.", "Create the schema, or correct Search Path in the connection string.");
            await connection.ExecuteAsync($"SET lock_timeout = '{MigrationLockSeconds}s'");
            await connection.ExecuteAsync("SELECT pg_advisory_lock(@lock, hashtext(current_schema()))", new { @lock = MigrationLock }, commandTimeout: MigrationLockSeconds + AnswerGraceSeconds);
            var settings = new NpgsqlConnectionStringBuilder(_connectionString) { Pooling = false, CommandTimeout = LongCommandSeconds };
            await Task.Run(() => PostgresMigrations.Run(settings.ToString(), schema), ct);
        }
        catch (DbException e)
        {
            throw Translate(e);
        }
    }

    /// <summary>PostgreSQL reuses and overwrites what deletions leave on its own (autovacuum); it is not this process's disk.</summary>
    public override Task ScrubAsync(CancellationToken ct) => Task.CompletedTask;

    public override Task GuardAsync(DbTransaction tx, IReadOnlyList<string> tables) => PostgresGuard.CloseAsync(tx, tables);

    public override Task UnguardAsync(DbTransaction tx, IReadOnlyList<string> tables) => PostgresGuard.OpenAsync(tx, tables);

    public override Task<IReadOnlyList<string>> GuardedAsync(DbConnection connection, CancellationToken ct) => PostgresGuard.ListAsync(connection, ct);

    public override async Task<string> TendAsync(Tending what, CancellationToken ct)
    {
        // Its own connection: what works on whole tables takes longer than a statement of the service may.
        await using var connection = await ConnectAloneAsync(ct);
        try
        {
            return await PostgresTending.RunAsync(connection, what, ct);
        }
        catch (DbException e)
        {
            throw Translate(e);
        }
    }

    public override async Task<IntegrityReport> InspectAsync(CancellationToken ct)
    {
        await using var connection = await ConnectAloneAsync(ct);
        try
        {
            return await PostgresTending.InspectAsync(connection, ct);
        }
        catch (DbException e)
        {
            throw Translate(e);
        }
    }

    public override async Task<DatabaseReport> CheckAsync(CancellationToken ct)
    {
        await using var connection = (NpgsqlConnection)await OpenAsync(ct);
        return await PostgresCheck.RunAsync(connection, _application, _options.MaxPoolSize, ct);
    }

    public override async Task<long> SizeBytesAsync(CancellationToken ct)
    {
        await using var connection = await OpenAsync(ct);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            "SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0)::BIGINT FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'", cancellationToken: ct));
    }

    public override RagException Translate(DbException error)
    {
        if (error is not PostgresException e || IsShutdown(e)) return Lost(error);
        return e.SqlState switch
        {
            PostgresErrorCodes.DiskFull => new(ErrorKind.StorageFull, "The disk of the PostgreSQL server is full.", "Free space on the server; nothing was lost or half-written.", e),
            PostgresErrorCodes.QueryCanceled => new(ErrorKind.Unavailable, "PostgreSQL did not finish a statement in time.", "Try again; if it persists, look for what holds it up with 'rag database check', or raise Storage:Postgres:StatementTimeoutMs.", e),
            PostgresErrorCodes.LockNotAvailable => new(ErrorKind.Unavailable, "Another transaction holds what this write needs.", "Try again; if it persists, look for a long transaction with 'rag database check'.", new DatabaseBusyException(e.MessageText, e)),
            PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected => new(ErrorKind.Unavailable, "The write met another one and was rolled back.", "Try again; nothing was written.", new DatabaseBusyException(e.MessageText, e)),
            PostgresErrorCodes.TooManyConnections => new(ErrorKind.Unavailable, "PostgreSQL takes no more connections.", "Lower Storage:Postgres:MaxPoolSize on each replica, or raise max_connections on the server.", new DatabaseLostException(e.MessageText, e)),
            PostgresErrorCodes.ReadOnlySqlTransaction => ReadOnly(e),
            PostgresGuard.Refused => Guarded(e),
            PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn => new(ErrorKind.Unavailable, $"The record has not the schema of this release: {e.MessageText}.", "Restart this replica, which brings the schema up to date.", e),
            PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification => new(ErrorKind.Unavailable, "PostgreSQL refuses the user name or password.", "Correct them in Storage:Postgres:ConnectionString or its file.", e),
            PostgresErrorCodes.InvalidCatalogName => new(ErrorKind.Unavailable, $"PostgreSQL has no such database: {e.MessageText}.", "Create it, or correct Storage:Postgres:ConnectionString.", e),
            // Rights are looked at before triggers run.
            PostgresErrorCodes.InsufficientPrivilege when PostgresGuard.Took(e) => Guarded(e),
            PostgresErrorCodes.InsufficientPrivilege => new(ErrorKind.Unavailable, $"PostgreSQL does not let this user do that: {e.MessageText}.", "Grant the user the schema and its tables.", e),
            PostgresErrorCodes.ProgramLimitExceeded => new(ErrorKind.Invalid, $"A value is too long for PostgreSQL: {e.MessageText}.", "Shorten the document's address.", e),
            _ when e.SqlState.StartsWith("23", StringComparison.Ordinal) => new(ErrorKind.Conflict, "What this write refers to was changed or removed meanwhile.", "Look at the present state and try again.", e),
            _ when e.SqlState.StartsWith("22", StringComparison.Ordinal) => new(ErrorKind.Invalid, $"PostgreSQL refuses a value: {e.MessageText}.", "Remove what it names and send it again.", e),
            _ => new(ErrorKind.Unavailable, $"PostgreSQL answered with an error: {e.MessageText} ({e.SqlState}).", "Try again; the server's log holds the details.", e),
        };
    }

    public override async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync();
        _writers.Dispose();
    }

    /// <summary>A connection that has just answered. One that died in the pool is replaced once: nothing was sent on it yet.</summary>
    private async Task<NpgsqlConnection> OpenCheckedAsync(CancellationToken ct)
    {
        for (bool again = false; ; again = true)
        {
            var connection = await _pool.OpenConnectionAsync(ct);
            try
            {
                await connection.ExecuteAsync(new CommandDefinition("SELECT 1", commandTimeout: Seconds(_options.ConnectTimeoutMs), cancellationToken: ct));
                return connection;
            }
            catch (DbException e)
            {
                await connection.DisposeAsync();
                if (again || e is PostgresException { IsTransient: false }) throw;
            }
            catch
            {
                await connection.DisposeAsync();
                throw;
            }
        }
    }

    private static async Task CommitAsync(NpgsqlTransaction tx)
    {
        try
        {
            // Cancelling now would leave open whether it was written.
            await tx.CommitAsync(CancellationToken.None);
        }
        catch (PostgresException e) when (!IsShutdown(e))
        {
            // The server says no: it was rolled back.
            throw;
        }
        catch (DbException e)
        {
            const string Message = "PostgreSQL was lost while it committed: whether this write is there is not known.";
            throw new RagException(ErrorKind.Unavailable, Message, "Look whether it is there before you repeat it; the same document sent again is not written twice.", new UnknownOutcomeException(Message, e));
        }
    }

    private static bool IsShutdown(PostgresException e) => e.SqlState.StartsWith("57P", StringComparison.Ordinal) || e.SqlState.StartsWith("08", StringComparison.Ordinal);

    private static RagException Lost(DbException e) => new(
        ErrorKind.Unavailable, $"PostgreSQL does not answer: {e.InnerException?.Message ?? e.Message}", "Try again; if it persists, check that the server runs and can be reached.", new DatabaseLostException(e.Message, e));

    private static RagException Guarded(PostgresException e) => new(
        ErrorKind.ReadOnly, "The record is read-only for maintenance, or this user lost the right to write to it.", "Try again when it is over: 'rag maintenance read-only status' says when that is.", e);

    private static RagException ReadOnly(Exception? e) => new(
        ErrorKind.Unavailable, "This PostgreSQL server takes no writes: it is a standby, or was set to read-only.", "Connect to the primary; with several hosts, add Target Session Attributes=primary to the connection string.", e);

    private static int Seconds(int milliseconds) => Math.Max(1, (milliseconds + 999) / 1000);
}
