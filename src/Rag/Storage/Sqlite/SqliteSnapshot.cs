using System.Data.Common;
using System.Runtime.CompilerServices;
using Dapper;
using Microsoft.Data.Sqlite;
using Rag.Foundation;
using SQLitePCL;

namespace Rag.Storage.Sqlite;

/// <summary>One read transaction: with a write-ahead log it sees what was there when it began. The log grows while it lasts.</summary>
internal sealed class SqliteSnapshot : RecordSnapshot
{
    private readonly SqliteConnection _connection;
    private readonly Func<DbException, RagException> _translate;

    private SqliteSnapshot(SqliteConnection connection, Func<DbException, RagException> translate) => (_connection, _translate) = (connection, translate);

    public override DbConnection Connection => _connection;

    public override string DumpName => "rag.db";

    public static async Task<RecordSnapshot> OpenAsync(string connectionString, Func<DbException, RagException> translate, CancellationToken ct)
    {
        var connection = new SqliteConnection(connectionString);
        try
        {
            await connection.OpenAsync(ct);
            // The state is taken by the first read.
            await connection.ExecuteAsync(new CommandDefinition("PRAGMA query_only=ON; PRAGMA cache_size=-16384; BEGIN; SELECT COUNT(*) FROM sqlite_schema", cancellationToken: ct));
            return new SqliteSnapshot(connection, translate);
        }
        catch (SqliteException e)
        {
            await connection.DisposeAsync();
            throw translate(e);
        }
    }

    public override async IAsyncEnumerable<RowBlock> ReadAsync(RecordTable table, [EnumeratorCancellation] CancellationToken ct)
    {
        await Task.CompletedTask;
        var rows = new RowBuffer(2 * RowBuffer.BlockBytes);
        using var statement = SqliteRows.Prepare(_connection, $"SELECT {string.Join(", ", table.Columns.Select(c => $"\"{c.Name}\""))} FROM \"{table.Name}\" ORDER BY {string.Join(", ", table.Key.Select(k => $"\"{k}\""))}");
        while (true)
        {
            rows.Clear();
            bool more = Fill(statement, table.Columns, rows);
            if (rows.Length > 0) yield return rows.Block;
            if (!more) yield break;
            ct.ThrowIfCancellationRequested();
        }
    }

    /// <summary>By the online backup of SQLite (sqlite3_backup), which reads within this transaction.</summary>
    public override async Task DumpAsync(string program, string scratch, Stream to, CancellationToken ct)
    {
        try
        {
            File.Delete(scratch);
            await using (var copy = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = scratch, Pooling = false }.ToString()))
            {
                await copy.OpenAsync(ct);
                await Task.Run(() => _connection.BackupDatabase(copy), ct);
            }
            await using var file = new FileStream(scratch, FileMode.Open, FileAccess.Read);
            await file.CopyToAsync(to, ct);
        }
        catch (SqliteException e)
        {
            throw _translate(e);
        }
        finally
        {
            File.Delete(scratch);
        }
    }

    public override async ValueTask DisposeAsync() => await _connection.DisposeAsync();

    /// <summary>Reads on until a block is full; false at the end of the table.</summary>
    private bool Fill(sqlite3_stmt statement, IReadOnlyList<RecordColumn> columns, RowBuffer rows)
    {
        while (rows.Length < RowBuffer.BlockBytes)
        {
            int result = raw.sqlite3_step(statement);
            if (result == raw.SQLITE_DONE) return false;
            if (result != raw.SQLITE_ROW)
            {
                try
                {
                    SqliteException.ThrowExceptionForRC(result, _connection.Handle);
                }
                catch (SqliteException e)
                {
                    throw _translate(e);
                }
            }
            rows.BeginRow(columns.Count);
            for (int i = 0; i < columns.Count; i++)
            {
                if (raw.sqlite3_column_type(statement, i) == raw.SQLITE_NULL) rows.Null();
                else if (columns[i].Type == ColumnType.Integer) rows.Integer(raw.sqlite3_column_int64(statement, i));
                else if (columns[i].Type == ColumnType.Real) rows.Real(raw.sqlite3_column_double(statement, i));
                else rows.Bytes(raw.sqlite3_column_blob(statement, i));
            }
            rows.EndRow();
        }
        return true;
    }
}
