using System.Globalization;
using System.Text.Json.Serialization;
using Dapper;
using Rag.Foundation;
using Rag.Slo.Scaling;
using Rag.Storage;

namespace Rag.Slo;

/// <param name="Attained">Share of good events in the window; null where there were none.</param>
/// <param name="BudgetLeft">Share of the error budget that is left, 1 untouched, below 0 overspent; null where there were no events.</param>
/// <param name="BurnRates">By window: 1 uses the budget up in exactly 30 days; null where there were no events.</param>
public sealed record ObjectiveStatus(
    string Name, string Title, string Promise, string Description, double Target, double? Attained, bool? Holds, double? BudgetLeft, long Good, long Total, IReadOnlyDictionary<string, double?> BurnRates);

/// <param name="Since">Of the first minute that was counted within the window; null where nothing was.</param>
public sealed record SloStatus(int WindowDays, DateTimeOffset? Since, IReadOnlyList<ObjectiveStatus> Objectives);

/// <summary>Events of one objective in an hour.</summary>
internal sealed record SloHour(long Hour, long Good, long Total);

/// <summary>Events of one objective in a minute.</summary>
internal sealed record SloMinute(long Minute, long Good, long Total);

/// <param name="Path">Below the folder that they are written to, with slashes.</param>
public sealed record MonitoringFile(string Path, string Content);

/// <summary>What Prometheus, Alertmanager and Grafana load.</summary>
public sealed record MonitoringFiles(IReadOnlyList<MonitoringFile> Files);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SloStatus))]
[JsonSerializable(typeof(ChecklistReport))]
[JsonSerializable(typeof(MonitoringFiles))]
[JsonSerializable(typeof(DeployBaseline))]
[JsonSerializable(typeof(DeployFacts))]
[JsonSerializable(typeof(DeployReport))]
[JsonSerializable(typeof(ScaleStatus))]
[JsonSerializable(typeof(ApproveScale))]
[JsonSerializable(typeof(ScaleApprovalList))]
[JsonSerializable(typeof(ScaleKept))]
internal sealed partial class SloJson : JsonSerializerContext;

/// <summary>How the service stands against its objectives, from the counts of all replicas in the record.</summary>
internal sealed class SloReport(Database database, SloRecorder recorder, TimeProvider time)
{
    /// <summary>Windows in which burning is shown: those of the alerts that are an hour and longer.</summary>
    public static readonly IReadOnlyList<(string Name, TimeSpan Length)> Windows =
        [("1h", TimeSpan.FromHours(1)), ("6h", TimeSpan.FromHours(6)), ("1d", TimeSpan.FromDays(1)), ("3d", TimeSpan.FromDays(3))];

    public async Task<SloStatus> StatusAsync(CancellationToken ct)
    {
        await recorder.FlushAsync(ct);
        var window = TimeSpan.FromDays(Objectives.WindowDays);
        var all = await CountAsync(window, ct);
        var windows = new Dictionary<string, IReadOnlyDictionary<string, (long Good, long Total)>>();
        foreach (var (name, length) in Windows) windows[name] = await CountAsync(length, ct);
        return new(Objectives.WindowDays, await FirstAsync(window, ct), [.. Objectives.All.Select(o => Status(o, all, windows))]);
    }

    /// <summary>Good and all events of each objective in the time up to now.</summary>
    public async Task<IReadOnlyDictionary<string, (long Good, long Total)>> CountAsync(TimeSpan length, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<(string Objective, long Good, long Total)>(new CommandDefinition(
            "SELECT objective, CAST(SUM(good) AS BIGINT), CAST(SUM(total) AS BIGINT) FROM slo_minutes WHERE minute > @after GROUP BY objective", new { after = After(length) }, cancellationToken: ct));
        var counts = rows.ToDictionary(r => r.Objective, r => (r.Good, r.Total));
        return Objectives.All.ToDictionary(o => o.Name, o => counts.GetValueOrDefault(o.Name));
    }

    /// <summary>Good and all events of each objective from one time to before another.</summary>
    public async Task<IReadOnlyDictionary<string, (long Good, long Total)>> CountAsync(DateTimeOffset from, DateTimeOffset to, CancellationToken ct)
    {
        await recorder.FlushAsync(ct);
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<(string Objective, long Good, long Total)>(new CommandDefinition(
            "SELECT objective, CAST(SUM(good) AS BIGINT), CAST(SUM(total) AS BIGINT) FROM slo_minutes WHERE minute >= @first AND minute < @end GROUP BY objective",
            new { first = SloRecorder.Minute(from), end = SloRecorder.Minute(to) }, cancellationToken: ct));
        var counts = rows.ToDictionary(r => r.Objective, r => (r.Good, r.Total));
        return Objectives.All.ToDictionary(o => o.Name, o => counts.GetValueOrDefault(o.Name));
    }

    /// <summary>The objective's events by the hour (hours since 1970), oldest first; hours without events are left out.</summary>
    public async Task<IReadOnlyList<SloHour>> HoursAsync(Objective objective, TimeSpan length, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<(long Hour, long Good, long Total)>(new CommandDefinition(
            "SELECT minute / 60, CAST(SUM(good) AS BIGINT), CAST(SUM(total) AS BIGINT) FROM slo_minutes WHERE minute > @after AND objective = @Name GROUP BY minute / 60 ORDER BY 1",
            new { after = After(length), objective.Name }, cancellationToken: ct))).Select(r => new SloHour(r.Hour, r.Good, r.Total)).ToList();
    }

    /// <summary>The objective's events by the minute (minutes since 1970) from one time to another, oldest first; minutes without events are left out.</summary>
    public async Task<IReadOnlyList<SloMinute>> MinutesAsync(Objective objective, DateTimeOffset from, DateTimeOffset to, CancellationToken ct)
    {
        await recorder.FlushAsync(ct);
        await using var connection = await database.OpenAsync(ct);
        return (await connection.QueryAsync<(long Minute, long Good, long Total)>(new CommandDefinition(
            "SELECT minute, good, total FROM slo_minutes WHERE minute >= @first AND minute <= @last AND objective = @Name ORDER BY minute",
            new { first = SloRecorder.Minute(from), last = SloRecorder.Minute(to), objective.Name }, cancellationToken: ct))).Select(r => new SloMinute(r.Minute, r.Good, r.Total)).ToList();
    }

    public static double? BurnRate(Objective objective, (long Good, long Total) events) =>
        events.Total == 0 ? null : Math.Round((events.Total - events.Good) / (double)events.Total / objective.Budget, 3);

    /// <summary>A share for people: as many decimals as the objective needs to be told from its target.</summary>
    public static string Percent(double share, double target) => (100 * share).ToString(target >= 0.999 ? "F3" : "F2", CultureInfo.InvariantCulture) + " %";

    private long After(TimeSpan length) => SloRecorder.Minute(time.GetUtcNow() - length);

    private static ObjectiveStatus Status(Objective o, IReadOnlyDictionary<string, (long Good, long Total)> all, Dictionary<string, IReadOnlyDictionary<string, (long Good, long Total)>> windows)
    {
        var (good, total) = all[o.Name];
        double? attained = total == 0 ? null : good / (double)total;
        return new(
            o.Name, o.Title, o.Promise, o.Description, o.Target, attained is { } a ? Math.Round(a, 6) : null, attained is null ? null : attained >= o.Target,
            attained is null ? null : Math.Round(1 - (1 - attained.Value) / o.Budget, 4), good, total, windows.ToDictionary(w => w.Key, w => BurnRate(o, w.Value[o.Name])));
    }

    private async Task<DateTimeOffset?> FirstAsync(TimeSpan length, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        long? first = await connection.ExecuteScalarAsync<long?>(new CommandDefinition("SELECT MIN(minute) FROM slo_minutes WHERE minute > @after", new { after = After(length) }, cancellationToken: ct));
        return first is { } minute ? DateTimeOffset.UnixEpoch.AddMinutes(minute) : null;
    }
}
