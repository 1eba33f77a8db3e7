using Rag.Audit;
using Rag.Backup;
using Rag.Backup.Drills;
using Rag.Caching;
using Rag.Maintenance.Schedules;
using Rag.Slo;
using Rag.Telemetry;

namespace Rag.App.Pages;

/// <summary>What of the state of things only the record knows.</summary>
/// <param name="Made">The newest backup that is whole; null where there is none.</param>
/// <param name="Proven">The one that was read back or drilled last; null where none was.</param>
/// <param name="Drill">The last drill; null where there was none.</param>
public sealed record RecordGlance(
    DateTimeOffset At, SloStatus Slo, IReadOnlyList<ReplicaInfo> Replicas, BackupInfo? Made, BackupInfo? Proven, DrillEntry? Drill, AuditStanding Audit, IReadOnlyList<ScheduleView> Schedules);

/// <param name="Chart">Null where nothing was counted yet.</param>
public sealed record ObjectiveView(ObjectiveStatus Status, BudgetChart? Chart);

public sealed record ObjectivesReading(DateTimeOffset At, SloStatus Slo, IReadOnlyList<ObjectiveView> Objectives, ChecklistReport Checklist);

/// <summary>What the pages of operators read, once for all who look, for hundreds may look at once.</summary>
internal sealed class OperateReadings
{
    /// <summary>Consoles ask again when something changed, all within seconds.</summary>
    private static readonly TimeSpan Apart = TimeSpan.FromSeconds(2);

    /// <summary>Replicas write what they counted this often; between, the sums over 30 days are the same.</summary>
    private static readonly TimeSpan CountsApart = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3), RedisPatience = TimeSpan.FromSeconds(10);

    private readonly SharedReading<SloStatus> _slo;

    public OperateReadings(
        SloReport slo, Checklist checklist, Replicas replicas, BackupCatalog backups, BackupMetrics backupMetrics, DrillRecord drills, AuditQuery audit, ScheduleRecord schedules, CacheOperations cache, TimeProvider time)
    {
        _slo = new("The record", CountsApart, Patience, time, slo.StatusAsync);
        Record = new("The record", Apart, Patience, time, async ct =>
        {
            // What a backup or a drill that ended just now is to the alerts.
            await backupMetrics.RefreshAsync(ct);
            var whole = (await backups.KnownAsync(ct)).Where(b => b.State is BackupState.Complete or BackupState.Verified or BackupState.Drilled).ToList();
            return new(
                time.GetUtcNow(), await _slo.GetAsync(ct), await replicas.ListAsync(ct), whole.MaxBy(b => b.StartedAt), whole.Where(b => ProvenAt(b) is not null).MaxBy(ProvenAt),
                (await drills.ListAsync(DateTimeOffset.UnixEpoch, time.GetUtcNow().AddDays(1), 1, ct)).FirstOrDefault(), await audit.StandingAsync(ct), (await schedules.ListAsync(ct)).Schedules);
        });
        Objectives = new("The record", CountsApart, Patience, time, async ct =>
        {
            var status = await _slo.GetAsync(ct);
            var views = new List<ObjectiveView>();
            foreach (var o in Slo.Objectives.All)
                views.Add(new(status.Objectives.Single(s => s.Name == o.Name), BudgetChart.Of(o, await slo.HoursAsync(o, TimeSpan.FromDays(Slo.Objectives.WindowDays), ct), time.GetUtcNow())));
            return new(time.GetUtcNow(), status, views, await checklist.RunAsync(ct));
        });
        Cache = new("The cache", Apart, RedisPatience, time, cache.StatsAsync);
    }

    public SharedReading<RecordGlance> Record { get; }

    public SharedReading<ObjectivesReading> Objectives { get; }

    public SharedReading<CacheReport> Cache { get; }

    /// <summary>When a backup was last read back, or restored and asked.</summary>
    public static DateTimeOffset? ProvenAt(BackupInfo b) => b.DrilledAt > b.VerifiedAt ? b.DrilledAt : b.VerifiedAt ?? b.DrilledAt;
}
