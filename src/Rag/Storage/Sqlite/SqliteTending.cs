using System.Data.Common;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Rag.Storage.Sqlite;

internal static class SqliteTending
{
    private const int MaxProblems = 20;

    public static async Task<string> RunAsync(SqliteConnection connection, Tending what, CancellationToken ct)
    {
        switch (what)
        {
            case Tending.Vacuum:
                long before = await SizeAsync(connection, ct);
                await ExecuteAsync(connection, "VACUUM", ct);
                // Through the write-ahead log, which would keep the size of the whole file otherwise.
                await ExecuteAsync(connection, "PRAGMA wal_checkpoint(TRUNCATE)", ct);
                return $"{before / 1e6:F1} MB before, {await SizeAsync(connection, ct) / 1e6:F1} MB after.";
            case Tending.Reindex:
                await ExecuteAsync(connection, "REINDEX", ct);
                long indexes = await connection.ExecuteScalarAsync<long>(new CommandDefinition("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'index'", cancellationToken: ct));
                return $"{indexes} indexes built anew.";
            case Tending.Analyze:
                await ExecuteAsync(connection, "ANALYZE", ct);
                return "Statistics renewed.";
            default:
                throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    /// <summary>The engine's own full check, which reads every page and compares every index with its table, and the references between tables.</summary>
    public static async Task<IntegrityReport> InspectAsync(DbConnection connection, CancellationToken ct)
    {
        var problems = (await connection.QueryAsync<string>(Long($"PRAGMA integrity_check({MaxProblems})", ct))).Where(p => p != "ok").ToList();
        var dangling = (await connection.QueryAsync<(string Table, long? Row, string Parent, long Key)>(Long("PRAGMA foreign_key_check", ct))).Take(MaxProblems).ToList();
        problems.AddRange(dangling.Select(d => $"Row {d.Row} of {d.Table} refers to a row of {d.Parent} that is not there."));
        var rows = new Dictionary<string, long>();
        foreach (string table in await connection.QueryAsync<string>(Long("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name", ct)))
            rows[table] = await connection.ExecuteScalarAsync<long>(Long($"SELECT COUNT(*) FROM \"{table}\"", ct));
        return new($"integrity_check and foreign_key_check over {rows.Count} tables with {rows.Values.Sum():N0} rows.", rows, problems);
    }

    private static async Task<long> SizeAsync(SqliteConnection connection, CancellationToken ct) =>
        await connection.ExecuteScalarAsync<long>(Long("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()", ct));

    /// <summary>A statement of SQLite hears of a cancellation through its own interrupt only.</summary>
    private static async Task ExecuteAsync(SqliteConnection connection, string sql, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        await using var registration = ct.Register(() => SQLitePCL.raw.sqlite3_interrupt(connection.Handle));
        await Task.Run(() => connection.ExecuteAsync(Long(sql, CancellationToken.None)), CancellationToken.None);
    }

    private static CommandDefinition Long(string sql, CancellationToken ct) => new(sql, commandTimeout: Database.LongCommandSeconds, cancellationToken: ct);
}
