using System.Globalization;
using Dapper;
using Npgsql;

namespace Rag.Diagnosis;

/// <summary>Who holds up whom. No statement's text is shown: it may hold what people wrote.</summary>
internal static class PostgresLocks
{
    /// <summary>A lock that is held or waited for this long is more than ordinary work.</summary>
    private const double LongSeconds = 2;

    private const int MaxShown = 10;

    private sealed record Waiter(int Pid, string Who, double Seconds, int[] Holders);

    private sealed record Holder(int Pid, string Who, string State, double Seconds, string? Tables);

    public static async Task LookAsync(NpgsqlConnection connection, Findings findings, CancellationToken ct)
    {
        var waiters = (await connection.QueryAsync<Waiter>(new CommandDefinition("""
            SELECT pid AS Pid, COALESCE(NULLIF(application_name, ''), usename::text, 'unnamed') AS Who,
                   COALESCE(EXTRACT(EPOCH FROM clock_timestamp() - state_change)::float8, 0) AS Seconds, pg_blocking_pids(pid) AS Holders
            FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0 ORDER BY state_change LIMIT 100
            """, cancellationToken: ct))).AsList();
        var holders = (await connection.QueryAsync<Holder>(new CommandDefinition("""
            SELECT a.pid AS Pid, COALESCE(NULLIF(a.application_name, ''), a.usename::text, 'unnamed') AS Who, COALESCE(a.state, 'unknown') AS State,
                   COALESCE(EXTRACT(EPOCH FROM clock_timestamp() - a.xact_start)::float8, 0) AS Seconds,
                   (SELECT string_agg(DISTINCT c.relname, ', ') FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                    WHERE l.pid = a.pid AND l.granted AND c.relkind = 'r' AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
                      AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)) AS Tables
            FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend' AND a.xact_start IS NOT NULL
            """, cancellationToken: ct))).AsList();
        // What the product's own work holds for a moment is no finding.
        var waitLong = waiters.Where(w => w.Seconds >= LongSeconds / 2).ToList();
        var blocking = waitLong.SelectMany(w => w.Holders).ToHashSet();
        var guilty = holders.Where(h => blocking.Contains(h.Pid) && !waitLong.Exists(w => w.Pid == h.Pid) || (h.Tables is not null && h.Seconds >= LongSeconds)).ToList();
        if (waitLong.Count == 0 && guilty.Count == 0) return;
        string held = string.Join("; ", guilty.Take(MaxShown).Select(h => string.Create(CultureInfo.InvariantCulture, $"process {h.Pid} ({h.Who}) has had a transaction open for {h.Seconds:F0} s, {h.State}{(h.Tables is null ? "" : $", and holds {h.Tables} alone")}")));
        string waits = waitLong.Count == 0 ? "nobody waits at this moment" : string.Join("; ", waitLong.Take(MaxShown).Select(w => string.Create(CultureInfo.InvariantCulture, $"process {w.Pid} ({w.Who}) has waited {w.Seconds:F0} s for {string.Join(", ", w.Holders)}")));
        int first = guilty.Count > 0 ? guilty[0].Pid : waitLong[0].Holders[0];
        var to = new NpgsqlConnectionStringBuilder(connection.ConnectionString);
        findings.Critical("locked", waitLong.Count == 0 ? "Somebody keeps tables of the record to themselves." : $"{waitLong.Count} {(waitLong.Count == 1 ? "session waits" : "sessions wait")} for a lock.", $"{held}{(held.Length > 0 ? "; " : "")}{waits}",
            "What waits fails after Storage:Postgres:LockTimeoutMs. Look at who the holder is before you end it: what it has not committed is lost.",
            string.Create(CultureInfo.InvariantCulture, $"psql -h {to.Host} -p {to.Port} -U {to.Username} -d {to.Database} -c 'SELECT pg_terminate_backend({first})'"));
    }
}
