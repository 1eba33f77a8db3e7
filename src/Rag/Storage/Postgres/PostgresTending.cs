using Dapper;
using Npgsql;

namespace Rag.Storage.Postgres;

internal static class PostgresTending
{
    private const int MaxProblems = 20, LimitSeconds = 6 * 3_600, LockSeconds = 60;

    private sealed record Relation(string Name, string Quoted);

    public static async Task<string> RunAsync(NpgsqlConnection connection, Tending what, CancellationToken ct)
    {
        await connection.ExecuteAsync($"SET lock_timeout = '{LockSeconds}s'");
        var tables = await TablesAsync(connection, ct);
        switch (what)
        {
            case Tending.Vacuum:
                long before = await SizeAsync(connection, ct);
                foreach (var table in tables) await connection.ExecuteAsync(Long($"VACUUM {table.Quoted}", ct));
                return $"{tables.Count} tables; {before / 1e6:F1} MB before, {await SizeAsync(connection, ct) / 1e6:F1} MB after.";
            case Tending.Reindex:
                int left = await DropLeftoversAsync(connection, ct);
                // Concurrently: questions that read these tables go on.
                foreach (var table in tables) await connection.ExecuteAsync(Long($"REINDEX TABLE CONCURRENTLY {table.Quoted}", ct));
                return $"Indexes of {tables.Count} tables built anew{(left > 0 ? $", {left} left by an interrupted run removed" : "")}.";
            case Tending.Analyze:
                foreach (var table in tables) await connection.ExecuteAsync(Long($"ANALYZE {table.Quoted}", ct));
                return $"Statistics of {tables.Count} tables renewed.";
            default:
                throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    /// <summary>
    /// Reads every row whole, which meets pages and values that cannot be read, looks for indexes that are not whole, and where
    /// the extension amcheck is installed, compares every B-tree and heap with the rules of their formats.
    /// </summary>
    public static async Task<IntegrityReport> InspectAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var problems = new List<string>();
        var rows = new Dictionary<string, long>();
        foreach (var table in await TablesAsync(connection, ct))
        {
            try
            {
                rows[table.Name] = (await connection.QuerySingleAsync<(long Rows, long? Length)>(Long($"SELECT COUNT(*), SUM(length(t::text))::bigint FROM {table.Quoted} t", ct))).Rows;
            }
            catch (PostgresException e) when (e.SqlState.StartsWith("XX", StringComparison.Ordinal))
            {
                problems.Add($"Table {table.Name} cannot be read: {e.MessageText}");
            }
        }
        problems.AddRange(await connection.QueryAsync<string>(Long(
            "SELECT 'Index ' || c.relname || ' is not whole.' FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace", ct)));
        bool amcheck = await connection.ExecuteScalarAsync<bool>(Long("SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'amcheck')", ct));
        if (amcheck) problems.AddRange(await AmcheckAsync(connection, ct));
        return new(
            $"{rows.Count} tables with {rows.Values.Sum():N0} rows read whole; {(amcheck ? "B-trees and heaps checked by amcheck." : "B-trees not checked, for the extension amcheck is not installed.")}", rows, [.. problems.Take(MaxProblems)]);
    }

    private static async Task<IReadOnlyList<string>> AmcheckAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var problems = new List<string>();
        var indexes = await connection.QueryAsync<Relation>(Long(
            """
            SELECT c.relname::text AS Name, quote_ident(c.relname)::text AS Quoted FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
            WHERE a.amname = 'btree' AND i.indisvalid AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname
            """, ct));
        foreach (var index in indexes) await TryAsync($"Index {index.Name}", $"SELECT bt_index_check('{index.Quoted}'::regclass, true)::text");
        foreach (var table in await TablesAsync(connection, ct)) await TryAsync($"Table {table.Name}", $"SELECT msg FROM verify_heapam('{table.Quoted}'::regclass) LIMIT 1");
        return problems;

        async Task TryAsync(string what, string sql)
        {
            try
            {
                if (await connection.QueryFirstOrDefaultAsync<string?>(Long(sql, ct)) is { Length: > 0 } said) problems.Add($"{what}: {said}");
            }
            catch (PostgresException e) when (e.SqlState.StartsWith("XX", StringComparison.Ordinal))
            {
                problems.Add($"{what}: {e.MessageText}");
            }
        }
    }

    /// <summary>An interrupted REINDEX CONCURRENTLY leaves the index that it was building, marked invalid and by its name (the server's manual, REINDEX).</summary>
    private static async Task<int> DropLeftoversAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var left = (await connection.QueryAsync<string>(Long(
            """
            SELECT quote_ident(c.relname)::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND c.relnamespace = current_schema()::regnamespace
            """, ct))).AsList();
        foreach (string index in left) await connection.ExecuteAsync(Long($"DROP INDEX CONCURRENTLY IF EXISTS {index}", ct));
        return left.Count;
    }

    private static async Task<List<Relation>> TablesAsync(NpgsqlConnection connection, CancellationToken ct) => (await connection.QueryAsync<Relation>(Long(
        "SELECT c.relname::text AS Name, quote_ident(c.relname)::text AS Quoted FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname COLLATE \"C\"", ct))).AsList();

    private static Task<long> SizeAsync(NpgsqlConnection connection, CancellationToken ct) => connection.ExecuteScalarAsync<long>(Long(
        "SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace", ct));

    private static CommandDefinition Long(string sql, CancellationToken ct) => new(sql, commandTimeout: LimitSeconds, cancellationToken: ct);
}
