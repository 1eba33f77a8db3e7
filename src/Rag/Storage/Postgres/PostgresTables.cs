using System.Data.Common;
using Dapper;

namespace Rag.Storage.Postgres;

/// <summary>The tables that the schema has.</summary>
internal static class PostgresTables
{
    private sealed record Row(string TableName, string Name, string Type, int Key, bool Counts);

    public static async Task<IReadOnlyList<RecordTable>> ReadAsync(DbConnection connection, CancellationToken ct)
    {
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            """
            SELECT c.relname::text AS TableName, a.attname::text AS Name, format_type(a.atttypid, a.atttypmod) AS Type,
                   COALESCE(array_position(i.indkey::int2[], a.attnum), -1) + 1 AS Key, a.attidentity <> '' AS Counts
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
            WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname COLLATE "C", a.attname COLLATE "C"
            """, cancellationToken: ct));
        return [.. rows.GroupBy(r => r.TableName).Select(t => new RecordTable(
            t.Key, [.. t.Select(c => new RecordColumn(c.Name, TypeOf(c.Type)))], [.. t.Where(c => c.Key > 0).OrderBy(c => c.Key).Select(c => c.Name)], t.SingleOrDefault(c => c.Counts)?.Name))];
    }

    private static ColumnType TypeOf(string type) => type switch
    {
        "bigint" => ColumnType.Integer,
        "double precision" => ColumnType.Real,
        "text" => ColumnType.Text,
        "bytea" => ColumnType.Bytes,
        _ => ColumnType.Other,
    };
}
