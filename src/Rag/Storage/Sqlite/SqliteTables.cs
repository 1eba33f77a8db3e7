using System.Data.Common;
using Dapper;

namespace Rag.Storage.Sqlite;

/// <summary>The tables that the schema has.</summary>
internal static class SqliteTables
{
    private sealed record Row(string TableName, string Name, string Type, long Key, string Sql);

    public static async Task<IReadOnlyList<RecordTable>> ReadAsync(DbConnection connection, CancellationToken ct)
    {
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            """
            SELECT s.name AS TableName, c.name AS Name, c.type AS Type, c.pk AS Key, s.sql AS Sql
            FROM sqlite_schema s JOIN pragma_table_info(s.name) c
            WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite_%' ORDER BY s.name, c.name
            """, cancellationToken: ct));
        return [.. rows.GroupBy(r => r.TableName).Select(t => new RecordTable(
            t.Key, [.. t.Select(c => new RecordColumn(c.Name, TypeOf(c.Type)))], [.. t.Where(c => c.Key > 0).OrderBy(c => c.Key).Select(c => c.Name)],
            t.First().Sql.Contains("AUTOINCREMENT", StringComparison.OrdinalIgnoreCase) ? t.Single(c => c.Key == 1).Name : null))];
    }

    private static ColumnType TypeOf(string type) => type.ToUpperInvariant() switch
    {
        "INTEGER" or "BIGINT" => ColumnType.Integer,
        "DOUBLE PRECISION" => ColumnType.Real,
        "TEXT" => ColumnType.Text,
        "BLOB" => ColumnType.Bytes,
        _ => ColumnType.Other,
    };
}
