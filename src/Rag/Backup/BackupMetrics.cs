using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Rag.Backup.OffSite;
using Rag.Foundation;
using Rag.Storage;
using Rag.Telemetry;

namespace Rag.Backup;

/// <summary>
/// Says when backups were last made and proven, as the record knows it: a daily one is proven by reading all of it, a weekly one
/// by a drill, and a monthly one is made when its copy off-site was read back, and proven by a drill of that copy.
/// </summary>
internal sealed class BackupMetrics(BackupCatalog catalog, OffSiteCopies copies, BackupTimes times, RecordState record, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    public async Task RefreshAsync(CancellationToken ct)
    {
        var backups = (await catalog.KnownAsync(ct)).Where(b => b.State is BackupState.Complete or BackupState.Verified or BackupState.Drilled).ToList();
        var offSite = (await copies.ListAsync(ct)).Where(c => c.Good && c.Kind == BackupKind.Monthly).ToList();
        times.Times = new Dictionary<string, (DateTimeOffset, DateTimeOffset)>
        {
            [BackupKind.Daily] = Of(BackupKind.Daily, b => b.VerifiedAt),
            [BackupKind.Weekly] = Of(BackupKind.Weekly, b => b.DrilledAt),
            [BackupKind.Monthly] = (Last(offSite.Select(c => c.CompletedAt)), Last(offSite.Select(c => c.DrilledAt))),
        };

        (DateTimeOffset, DateTimeOffset) Of(string kind, Func<BackupInfo, DateTimeOffset?> proven)
        {
            var these = backups.Where(b => b.Kind == kind).ToList();
            return (Last(these.Select(b => b.CompletedAt)), Last(these.Select(proven)));
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!record.Away) await RefreshAsync(stop);
            }
            catch (Exception e) when (e is RagException or DbException or OperationCanceledException)
            {
                // What was known last still holds.
            }
            await Task.Delay(Interval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static DateTimeOffset Last(IEnumerable<DateTimeOffset?> times) => times.Max() ?? DateTimeOffset.UnixEpoch;
}
