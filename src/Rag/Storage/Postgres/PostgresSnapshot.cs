using System.Data;
using System.Data.Common;
using System.Runtime.CompilerServices;
using Dapper;
using Npgsql;

namespace Rag.Storage.Postgres;

/// <summary>One transaction that reads repeatably, on a connection of its own.</summary>
internal sealed class PostgresSnapshot : RecordSnapshot
{
    private readonly PostgresDatabase _database;
    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlTransaction _transaction;

    private PostgresSnapshot(PostgresDatabase database, NpgsqlConnection connection, NpgsqlTransaction transaction) => (_database, _connection, _transaction) = (database, connection, transaction);

    public override DbConnection Connection => _connection;

    public override string DumpName => "record.dump";

    public static async Task<RecordSnapshot> OpenAsync(PostgresDatabase database, CancellationToken ct)
    {
        var connection = await database.ConnectAloneAsync(ct, TimeSpan.FromSeconds(Database.LongCommandSeconds));
        try
        {
            var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, ct);
            await connection.ExecuteAsync(new CommandDefinition("SET TRANSACTION READ ONLY; SELECT 1", transaction: transaction, cancellationToken: ct));
            return new PostgresSnapshot(database, connection, transaction);
        }
        catch (DbException e)
        {
            await connection.DisposeAsync();
            throw database.Translate(e);
        }
    }

    public override async IAsyncEnumerable<RowBlock> ReadAsync(RecordTable table, [EnumeratorCancellation] CancellationToken ct)
    {
        var rows = PostgresRows.CopyOutAsync(
            _connection, $"SELECT {string.Join(", ", table.Columns.Select(c => $"\"{c.Name}\""))} FROM \"{table.Name}\" ORDER BY {string.Join(", ", table.Key.Select(k => $"\"{k}\""))}", table.Columns.Count, ct);
        await using var blocks = rows.GetAsyncEnumerator(ct);
        while (true)
        {
            try
            {
                if (!await blocks.MoveNextAsync()) yield break;
            }
            catch (DbException e)
            {
                throw _database.Translate(e);
            }
            yield return blocks.Current;
        }
    }

    /// <summary>By pg_dump in its custom format, of the same snapshot; uncompressed, for who takes it compresses.</summary>
    public override async Task DumpAsync(string program, string scratch, Stream to, CancellationToken ct)
    {
        string snapshot = await _connection.ExecuteScalarAsync<string>(new CommandDefinition("SELECT pg_export_snapshot()", transaction: _transaction, cancellationToken: ct)) ?? "";
        string schema = await _connection.ExecuteScalarAsync<string>(new CommandDefinition("SELECT current_schema()::text", transaction: _transaction, cancellationToken: ct)) ?? "public";
        string pgDump = Programs.Find("pg_dump", program, "Install PostgreSQL's client programs of the server's version, or name pg_dump in Backup:PgDump.");
        var (arguments, environment) = PostgresPrograms.Connection(_database.Options.Read());
        await Programs.RunAsync(pgDump, [.. arguments, "--format=custom", "--compress=0", "--schema=" + schema, "--snapshot=" + snapshot, "--no-password"], environment, to, ct);
    }

    public override async ValueTask DisposeAsync()
    {
        await _transaction.DisposeAsync();
        await _connection.DisposeAsync();
    }
}
