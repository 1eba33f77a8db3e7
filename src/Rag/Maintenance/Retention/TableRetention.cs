using System.Data.Common;
using System.Text;
using Dapper;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Maintenance.Retention;

/// <summary>Rows of a table that are kept for a time.</summary>
/// <param name="key">Column, indexed, by which pieces are cut and rows removed; the time itself where rows share it.</param>
/// <param name="at">Column of a row's time, indexed.</param>
/// <param name="unit">What one of that column's counts since 1970 is: a microsecond, or a minute.</param>
/// <param name="keep">Null: for good.</param>
/// <param name="only">Condition that a row fulfils before it is removed however old it is, such as that it has ended.</param>
internal sealed class TableRetention(
    Database database, TimeProvider time, string name, string what, string table, string key, string at, TimeSpan unit, TimeSpan? keep, string? only = null) : IRetentionRule
{
    public string Name => name;

    public string Policy => keep is { } length ? $"{what} are kept for {Durations.Show(length)}." : $"{what} are kept for good.";

    public async Task<RetentionLook> LookAsync(RetentionHolds holds, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var (due, values) = Due(holds);
        var (kept, oldest) = await connection.QuerySingleAsync<(long, long?)>(Sql($"SELECT COUNT(*), MIN({at}) FROM {table}"));
        long dueRows = 0, olderRows = 0;
        if (keep is not null)
        {
            dueRows = await connection.ExecuteScalarAsync<long>(Sql($"SELECT COUNT(*) FROM {table} WHERE {due}"));
            olderRows = await connection.ExecuteScalarAsync<long>(Sql($"SELECT COUNT(*) FROM {table} WHERE {Older}"));
        }
        return new(kept, oldest is { } o ? Instant(o) : null, dueRows, olderRows - dueRows);

        CommandDefinition Sql(string sql) => new(sql, values, commandTimeout: Database.LongCommandSeconds, cancellationToken: ct);
    }

    public async Task<long> RemoveAsync(LeaderTerm term, RetentionHolds holds, int limit, Func<DbTransaction, RetentionPiece, Task> note, CancellationToken ct)
    {
        if (keep is null) return 0;
        var (due, values) = Due(holds);
        values.Add("limit", limit);
        return await term.WriteAsync(async tx =>
        {
            string piece = $"SELECT DISTINCT {key} FROM {table} WHERE {due} ORDER BY {key} LIMIT @limit";
            var (count, oldest, newest) = await tx.Connection!.QuerySingleAsync<(long, long?, long?)>($"SELECT COUNT(*), MIN({at}), MAX({at}) FROM {table} WHERE {key} IN ({piece}) AND {due}", values, tx);
            if (count == 0) return 0L;
            await note(tx, new(count, Instant(oldest!.Value), Instant(newest!.Value), Policy));
            return await tx.Connection!.ExecuteAsync($"DELETE FROM {table} WHERE {key} IN ({piece}) AND {due}", values, tx);
        }, ct);
    }

    private string Older => only is null ? $"{at} < @before" : $"{at} < @before AND {only}";

    private (string Sql, DynamicParameters Values) Due(RetentionHolds holds)
    {
        var values = new DynamicParameters();
        values.Add("before", Count(time.GetUtcNow() - (keep ?? TimeSpan.Zero)));
        var sql = new StringBuilder(Older);
        for (int i = 0; i < holds.Times.Count; i++)
        {
            sql.Append(System.Globalization.CultureInfo.InvariantCulture, $" AND NOT ({at} BETWEEN @from{i} AND @to{i})");
            values.Add($"from{i}", Count(holds.Times[i].From));
            values.Add($"to{i}", Count(holds.Times[i].To));
        }
        return (sql.ToString(), values);
    }

    private long Count(DateTimeOffset instant) => Math.DivRem(instant.UtcTicks - DateTimeOffset.UnixEpoch.Ticks, unit.Ticks) is var (whole, rest) && rest < 0 ? whole - 1 : whole;

    private DateTimeOffset Instant(long count) => DateTimeOffset.UnixEpoch.AddTicks(count * unit.Ticks);
}
