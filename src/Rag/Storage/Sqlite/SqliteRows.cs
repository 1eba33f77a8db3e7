using System.Buffers.Binary;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Rag.Storage.Sqlite;

/// <summary>Rows in and out by the engine's own calls: texts go as the bytes that they are, without becoming strings.</summary>
internal static class SqliteRows
{
    /// <exception cref="SqliteException">The engine refuses the statement.</exception>
    public static sqlite3_stmt Prepare(SqliteConnection connection, string sql)
    {
        Check(raw.sqlite3_prepare_v2(connection.Handle, sql, out var statement), connection);
        return statement;
    }

    public static async Task<long> CopyInAsync(SqliteTransaction tx, string table, IReadOnlyList<RecordColumn> columns, IAsyncEnumerable<RowBlock> rows, CancellationToken ct)
    {
        var connection = tx.Connection!;
        using var statement = Prepare(connection, $"INSERT INTO \"{table}\" ({string.Join(", ", columns.Select(c => $"\"{c.Name}\""))}) VALUES ({string.Join(", ", columns.Select(_ => "?"))})");
        long count = 0;
        await foreach (var block in rows.WithCancellation(ct))
        {
            Insert(connection, statement, columns, block);
            count += block.Ends.Count;
        }
        return count;
    }

    private static void Insert(SqliteConnection connection, sqlite3_stmt statement, IReadOnlyList<RecordColumn> columns, RowBlock block)
    {
        int start = 0;
        foreach (int end in block.Ends)
        {
            var row = block.Bytes.Span[start..end];
            start = end;
            int at = sizeof(short);
            for (int i = 0; i < columns.Count; i++)
            {
                int length = BinaryPrimitives.ReadInt32BigEndian(row[at..]);
                at += sizeof(int);
                if (length < 0)
                {
                    Check(raw.sqlite3_bind_null(statement, i + 1), connection);
                    continue;
                }
                var value = row.Slice(at, length);
                at += length;
                Check(columns[i].Type switch
                {
                    ColumnType.Integer when length == sizeof(long) => raw.sqlite3_bind_int64(statement, i + 1, BinaryPrimitives.ReadInt64BigEndian(value)),
                    ColumnType.Real when length == sizeof(double) => raw.sqlite3_bind_double(statement, i + 1, BinaryPrimitives.ReadDoubleBigEndian(value)),
                    ColumnType.Text => raw.sqlite3_bind_text(statement, i + 1, value),
                    ColumnType.Bytes => raw.sqlite3_bind_blob(statement, i + 1, value),
                    _ => throw RowFormat.NotRows(),
                }, connection);
            }
            int result = raw.sqlite3_step(statement);
            if (result != raw.SQLITE_DONE) Check(result, connection);
            Check(raw.sqlite3_reset(statement), connection);
        }
    }

    private static void Check(int result, SqliteConnection connection) => SqliteException.ThrowExceptionForRC(result, connection.Handle);
}
