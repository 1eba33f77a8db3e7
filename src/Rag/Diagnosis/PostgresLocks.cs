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

    private sealed record Waiter(int Pid, string Who, double Seconds, string HoldersText)
    {
        public IReadOnlyList<int> Holders { get; } = [.. HoldersText.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(h => int.Parse(h, CultureInfo.InvariantCulture))];
    }

    /// <param name="Seconds">Age of its transaction; null where this user may not see it.</param>
    private sealed record Holder(int Pid, string Who, string State, double? Seconds, string? Tables);

    public static async Task LookAsync(NpgsqlConnection connection, Findings findings, CancellationToken ct)
    {
        // Of sessions of other users, a user without rights sees the locks and not since when; pg_locks tells since when one waits.
        var waiters = (await connection.QueryAsync<Waiter>(new CommandDefinition("""
            SELECT a.pid AS Pid, COALESCE(NULLIF(a.application_name, ''), a.usename::text, 'unnamed') AS Who,
                   COALESCE(EXTRACT(EPOCH FROM clock_timestamp() - MIN(l.waitstart))::float8, 0) AS Seconds, array_to_string(pg_blocking_pids(a.pid), ',') AS HoldersText
            FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid AND NOT l.granted WHERE a.datname = current_database()
            GROUP BY a.pid, a.application_name, a.usename ORDER BY 3 DESC LIMIT 100
            """, cancellationToken: ct))).AsList();
        var holders = await HoldersAsync(connection, ct);
        if (holders.Any(h => h is { Tables: not null, Seconds: null }))
        {
            await Task.Delay(TimeSpan.FromSeconds(LongSeconds), ct);
            var still = await HoldersAsync(connection, ct);
            holders = [.. holders.Select(h => h.Seconds is null && still.Exists(s => s.Pid == h.Pid && s.Tables == h.Tables) ? h with { Seconds = LongSeconds } : h)];
        }
        // What the product's own work holds for a moment is no finding.
        var waitLong = waiters.Where(w => w.Seconds >= LongSeconds / 2).ToList();
        var blocking = waitLong.SelectMany(w => w.Holders).ToHashSet();
        var guilty = holders.Where(h => (blocking.Contains(h.Pid) && !waitLong.Exists(w => w.Pid == h.Pid)) || (h.Tables is not null && h.Seconds >= LongSeconds)).ToList();
        if (waitLong.Count == 0 && guilty.Count == 0) return;
        Say(connection, findings, waitLong, guilty);
    }

    private static async Task<List<Holder>> HoldersAsync(NpgsqlConnection connection, CancellationToken ct) => (await connection.QueryAsync<Holder>(new CommandDefinition("""
        SELECT a.pid AS Pid, COALESCE(NULLIF(a.application_name, ''), a.usename::text, 'unnamed') AS Who, COALESCE(a.state, 'of another user') AS State,
               EXTRACT(EPOCH FROM clock_timestamp() - a.xact_start)::float8 AS Seconds,
               (SELECT string_agg(DISTINCT c.relname, ', ') FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                WHERE l.pid = a.pid AND l.granted AND c.relkind = 'r' AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
                  AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)) AS Tables
        FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.pid IN (SELECT pid FROM pg_locks WHERE granted)
        LIMIT 1000
        """, cancellationToken: ct))).AsList();

    private static void Say(NpgsqlConnection connection, Findings findings, List<Waiter> waitLong, List<Holder> guilty)
    {
        string held = string.Join("; ", guilty.Take(MaxShown).Select(h => string.Create(CultureInfo.InvariantCulture, $"process {h.Pid} ({h.Who}), {h.State}, {(h.Seconds is { } age ? $"has had a transaction open for at least {age:F0} s" : "holds the lock")}{(h.Tables is null ? "" : $", and holds {h.Tables} alone")}")));
        string waits = waitLong.Count == 0 ? "nobody waits at this moment" : string.Join("; ", waitLong.Take(MaxShown).Select(w => string.Create(CultureInfo.InvariantCulture, $"process {w.Pid} ({w.Who}) has waited {w.Seconds:F0} s for {string.Join(", ", w.Holders)}")));
        int first = guilty.Count > 0 ? guilty[0].Pid : waitLong[0].Holders[0];
        var to = new NpgsqlConnectionStringBuilder(connection.ConnectionString);
        findings.Critical("locked", waitLong.Count == 0 ? "Somebody keeps tables of the record to themselves." : $"{waitLong.Count} {(waitLong.Count == 1 ? "session waits" : "sessions wait")} for a lock.", $"{held}{(held.Length > 0 ? "; " : "")}{waits}",
            "What waits fails after Storage:Postgres:LockTimeoutMs. Look at who the holder is before you end it: what it has not committed is lost.",
            string.Create(CultureInfo.InvariantCulture, $"psql -h {to.Host} -p {to.Port} -U {to.Username} -d {to.Database} -c 'SELECT pg_terminate_backend({first})'"));
    }
}
