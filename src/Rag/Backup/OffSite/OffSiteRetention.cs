using System.Data.Common;
using Rag.Maintenance;
using Rag.Maintenance.Retention;
using Rag.Storage.Leadership;

namespace Rag.Backup.OffSite;

/// <summary>Thins copies off-site out as they get older, by the same rule as the backups here, and apart from them.</summary>
internal sealed class OffSiteRetention(OffSiteCopies copies, OffSiteCopier copier, OffSiteStore store, MaintenanceOptions options, TimeProvider time) : IRetentionRule
{
    public string Name => "off-site-copies";

    public string Policy => $"Copies off-site are thinned out as backups are: all for {options.Retention.BackupAllDays}d, one of each week for {options.Retention.BackupWeeklyDays}d, one of each month for {options.Retention.BackupDays}d; the newest proven one always.";

    public async Task<RetentionLook> LookAsync(RetentionHolds holds, CancellationToken ct)
    {
        var decided = await DecideAsync(ct);
        var due = decided.Where(d => !d.Keep).ToList();
        return new(
            decided.Count, decided.Count == 0 ? null : decided.Min(d => d.Backup.At), due.Count(d => !holds.Hold(d.Backup.At)), due.Count(d => holds.Hold(d.Backup.At)),
            store.Configured ? null : "No place off-site is configured.");
    }

    public async Task<long> RemoveAsync(LeaderTerm term, RetentionHolds holds, int limit, Func<DbTransaction, RetentionPiece, Task> note, CancellationToken ct)
    {
        if (!store.Configured || (await DecideAsync(ct)).Where(d => !d.Keep && !holds.Hold(d.Backup.At)).MinBy(d => d.Backup.At) is not { } due) return 0;
        await term.WriteAsync(async tx =>
        {
            await note(tx, new(1, due.Backup.At, due.Backup.At, $"Copy off-site of the backup {due.Backup.Id} ({due.Backup.Kind}): {due.Why}"));
            return 0;
        }, ct);
        await copier.RemoveAsync(due.Backup.Id, ct);
        return 1;
    }

    private async Task<IReadOnlyList<ThinningDecision>> DecideAsync(CancellationToken ct) => options.Retention.Thinning.Decide(
        (await copies.ListAsync(ct)).Where(c => c.State != BackupState.Running).Select(c => new KeptBackup(c.BackupId, c.Kind, c.MadeAt, c.Whole, c.Good)), time.GetUtcNow());
}
