using System.Data.Common;
using System.Text;
using Dapper;
using Rag.Foundation;
using Rag.Maintenance.Retention;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Runbook;

/// <summary>Runs of the runbook with their steps, by when they began.</summary>
internal sealed class RunbookRetention(Database database, RunbookOptions options, TimeProvider time) : IRetentionRule
{
    public string Name => "runbook-runs";

    public string Policy => $"Runs of the runbook are kept for {options.KeepDays}d.";

    public async Task<RetentionLook> LookAsync(RetentionHolds holds, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var (due, values) = Due(holds);
        var (kept, oldest, older) = await connection.QuerySingleAsync<(long, long?, long)>(new CommandDefinition(
            "SELECT COUNT(*), MIN(started_at), CAST(COALESCE(SUM(CASE WHEN started_at < @before THEN 1 ELSE 0 END), 0) AS BIGINT) FROM runbook_runs", values, cancellationToken: ct));
        long dueRuns = await connection.ExecuteScalarAsync<long>(new CommandDefinition($"SELECT COUNT(*) FROM runbook_runs WHERE {due}", values, cancellationToken: ct));
        return new(kept, oldest is { } at ? Clock.FromMicroseconds(at) : null, dueRuns, older - dueRuns);
    }

    public async Task<long> RemoveAsync(LeaderTerm term, RetentionHolds holds, int limit, Func<DbTransaction, RetentionPiece, Task> note, CancellationToken ct)
    {
        var (due, values) = Due(holds);
        values.Add("limit", limit);
        return await term.WriteAsync(async tx =>
        {
            var old = (await tx.Connection!.QueryAsync<(string Id, long At)>($"SELECT id, started_at FROM runbook_runs WHERE {due} ORDER BY id LIMIT @limit", values, tx)).AsList();
            if (old.Count == 0) return 0L;
            await note(tx, new(old.Count, Clock.FromMicroseconds(old.Min(r => r.At)), Clock.FromMicroseconds(old.Max(r => r.At)), Policy));
            foreach (var (id, _) in old)
            {
                await tx.Connection!.ExecuteAsync("DELETE FROM runbook_steps WHERE run_id = @id", new { id }, tx);
                await tx.Connection!.ExecuteAsync("DELETE FROM runbook_runs WHERE id = @id", new { id }, tx);
            }
            return old.Count;
        }, ct);
    }

    private (string Sql, DynamicParameters Values) Due(RetentionHolds holds)
    {
        var values = new DynamicParameters();
        values.Add("before", Clock.ToMicroseconds(time.GetUtcNow() - TimeSpan.FromDays(options.KeepDays)));
        var sql = new StringBuilder("started_at < @before");
        for (int i = 0; i < holds.Times.Count; i++)
        {
            sql.Append(System.Globalization.CultureInfo.InvariantCulture, $" AND NOT (started_at BETWEEN @from{i} AND @to{i})");
            values.Add($"from{i}", Clock.ToMicroseconds(holds.Times[i].From));
            values.Add($"to{i}", Clock.ToMicroseconds(holds.Times[i].To));
        }
        return (sql.ToString(), values);
    }
}
