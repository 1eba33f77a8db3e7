using System.Data.Common;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Rag.Storage.Sqlite;

/// <summary>
/// Keeps writes out of tables by triggers, which every connection to the file meets, another program's too: the engine has no
/// users whose rights could be taken away.
/// </summary>
internal static class SqliteGuard
{
    private const string Prefix = "rag_read_only_", Message = "the record is read-only for maintenance";

    private static readonly string[] Kinds = ["INSERT", "UPDATE", "DELETE"];

    public static async Task CloseAsync(DbTransaction tx, IReadOnlyList<string> tables)
    {
        foreach (string table in tables)
            foreach (string kind in Kinds)
                await tx.Connection!.ExecuteAsync($"CREATE TRIGGER IF NOT EXISTS {Name(table, kind)} BEFORE {kind} ON {table} BEGIN SELECT RAISE(ABORT, '{Message}'); END", transaction: tx);
    }

    public static async Task OpenAsync(DbTransaction tx, IReadOnlyList<string> tables)
    {
        foreach (string table in tables)
            foreach (string kind in Kinds)
                await tx.Connection!.ExecuteAsync($"DROP TRIGGER IF EXISTS {Name(table, kind)}", transaction: tx);
    }

    public static async Task<IReadOnlyList<string>> ListAsync(DbConnection connection, CancellationToken ct) => (await connection.QueryAsync<string>(new CommandDefinition(
        "SELECT DISTINCT tbl_name FROM sqlite_schema WHERE type = 'trigger' AND substr(name, 1, length(@Prefix)) = @Prefix ORDER BY tbl_name", new { Prefix }, cancellationToken: ct))).AsList();

    public static bool Refused(SqliteException e) => e.Message.Contains(Message, StringComparison.Ordinal);

    private static string Name(string table, string kind) => $"{Prefix}{table}_{kind.ToLowerInvariant()}";
}
