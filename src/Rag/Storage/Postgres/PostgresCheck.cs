using System.Diagnostics;
using Dapper;
using Npgsql;

namespace Rag.Storage.Postgres;

/// <summary>Looks at the server from outside the work: what it is, how fast it answers, what grows, what holds others up.</summary>
internal static class PostgresCheck
{
    private const int Samples = 9;
    private const double SlowMs = 50, LongSeconds = 60, LagSeconds = 30;
    private const long LagBytes = 256_000_000, DeadRowsAtLeast = 10_000;
    private const int OldestVersion = 140_000;
    private const double FullShare = 0.9;

    private sealed record Server(string Version, int Number, bool Standby, double? Lag, long Connections, long MaxConnections, long Open, long Active);

    public static async Task<DatabaseReport> RunAsync(NpgsqlConnection connection, string application, int maxPool, CancellationToken ct)
    {
        var latency = new List<double>(Samples);
        for (int i = 0; i < Samples; i++)
        {
            long started = Stopwatch.GetTimestamp();
            await connection.ExecuteScalarAsync(Sql("SELECT 1"));
            latency.Add(Math.Round(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 3));
        }
        latency.Sort();
        var server = await connection.QuerySingleAsync<Server>(Sql("""
            SELECT current_setting('server_version') AS Version, current_setting('server_version_num')::int AS Number, pg_is_in_recovery() AS Standby,
                   CASE WHEN pg_is_in_recovery() THEN EXTRACT(EPOCH FROM now() - pg_last_xact_replay_timestamp())::float8 END AS Lag,
                   (SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS Connections,
                   current_setting('max_connections')::bigint AS MaxConnections,
                   (SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = @application AND datname = current_database()) AS Open,
                   (SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = @application AND datname = current_database() AND state <> 'idle') AS Active
            """, new { application }));
        var standbys = (await connection.QueryAsync<StandbyReport>(Sql("""
            SELECT COALESCE(NULLIF(application_name, ''), 'standby') AS Name, COALESCE(state, 'unknown') AS State, COALESCE(sync_state, 'unknown') AS Sync,
                   CASE WHEN pg_is_in_recovery() THEN 0 ELSE COALESCE(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::bigint END AS LagBytes
            FROM pg_stat_replication
            """))).AsList();
        var tables = (await connection.QueryAsync<TableReport>(Sql("""
            SELECT relname::text AS Table, pg_total_relation_size(relid)::bigint AS SizeBytes, n_live_tup AS LiveRows, n_dead_tup AS DeadRows
            FROM pg_stat_user_tables WHERE schemaname = current_schema() ORDER BY pg_total_relation_size(relid) DESC
            """))).AsList();
        var transactions = (await connection.QueryAsync<TransactionReport>(Sql("""
            SELECT COALESCE(NULLIF(application_name, ''), 'unnamed') AS Application, COALESCE(state, 'unknown') AS State,
                   EXTRACT(EPOCH FROM clock_timestamp() - xact_start)::float8 AS AgeSeconds,
                   CASE WHEN wait_event_type = 'Lock' THEN wait_event END AS WaitsFor, cardinality(pg_blocking_pids(pid)) AS BlockedBy
            FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
              AND (clock_timestamp() - xact_start > INTERVAL '5 seconds' OR wait_event_type = 'Lock')
            ORDER BY xact_start LIMIT 20
            """))).AsList();
        var problems = Judge(server, latency, standbys, tables, transactions).ToList();
        return new(
            "postgres", server.Version, tables.Sum(t => t.SizeBytes), latency, new(server.Open, server.Active, maxPool, server.Connections, server.MaxConnections),
            new(server.Standby ? "standby" : "primary", server.Lag, standbys), null, tables, transactions, problems);

        CommandDefinition Sql(string sql, object? values = null) => new(sql, values, cancellationToken: ct);
    }

    private static IEnumerable<DatabaseProblem> Judge(
        Server server, List<double> latency, List<StandbyReport> standbys, List<TableReport> tables, List<TransactionReport> transactions)
    {
        if (server.Number < OldestVersion) yield return new("version", $"PostgreSQL {server.Version} is older than this release is tested with.", "Upgrade to PostgreSQL 15 or later.");
        if (server.Standby) yield return new("standby", "The server is a standby and takes no writes.", "Connect to the primary; with several hosts, add Target Session Attributes=primary to the connection string.");
        if (server.Lag > LagSeconds) yield return new("replication", $"The standby is {server.Lag:F0} s behind.", "Look at the network and the disk between it and the primary.");
        if (latency[latency.Count / 2] > SlowMs) yield return new("slow", $"The smallest statement takes {latency[latency.Count / 2]:F0} ms.", "Look at the server's load and at the network between.");
        if (server.Connections > FullShare * server.MaxConnections) yield return new("connections", $"{server.Connections} of the server's {server.MaxConnections} connections are taken.", "Lower Storage:Postgres:MaxPoolSize on each replica, or raise max_connections on the server.");
        foreach (var s in standbys.Where(s => s.LagBytes > LagBytes)) yield return new("replication", $"Standby {s.Name} is {s.LagBytes / 1e6:F0} MB behind.", "Look at the standby's disk and at the network between.");
        foreach (var t in tables.Where(t => t.DeadRows > DeadRowsAtLeast && t.DeadRows > t.LiveRows)) yield return new("bloat", $"Table {t.Table} has more dead rows ({t.DeadRows:N0}) than live ones.", $"Run VACUUM {t.Table}; if they stay, a long transaction keeps them, or autovacuum is off.");
        foreach (var t in transactions.Where(t => t.AgeSeconds > LongSeconds)) yield return new("long_transaction", $"A transaction of {t.Application} has been open for {t.AgeSeconds:F0} s ({t.State}).", "Find it in pg_stat_activity and end it with pg_terminate_backend if nobody needs it.");
        foreach (var t in transactions.Where(t => t.BlockedBy > 0 && t.AgeSeconds is > 5 and <= LongSeconds)) yield return new("locked", $"A transaction of {t.Application} has waited for a lock for {t.AgeSeconds:F0} s.", "Find what holds it with pg_blocking_pids and end that if nobody needs it.");
    }
}
