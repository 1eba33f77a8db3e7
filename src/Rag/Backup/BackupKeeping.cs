using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;
using Rag.Audit;
using Rag.Backup.Drills;
using Rag.Backup.OffSite;
using Rag.Foundation;
using Rag.Maintenance;
using Rag.Maintenance.Retention;
using Rag.Maintenance.Schedules;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Backup;

/// <summary>Backups that the service makes by itself, those that the maintenance procedure makes, and how long all of them stay.</summary>
internal static class BackupKeeping
{
    private const string DailyCron = "0 30 1 * * ?", WeeklyCron = "0 30 2 ? * SUN", MonthlyCron = "0 30 4 1 * ?";

    private const double DaysInYear = 365.25;

    /// <summary>The lease of a process that was killed runs out within this time.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1), Again = TimeSpan.FromSeconds(2);

    public static IServiceCollection AddBackupKeeping(this IServiceCollection services)
    {
        services.AddSingleton<IRetentionRule, BackupRetention>();
        services.AddSingleton<IRetentionRule, OffSiteRetention>();
        services.AddSingleton<IRetentionRule>(s => new TableRetention(
            s.GetRequiredService<Database>(), s.GetRequiredService<TimeProvider>(), "backup-drills", "The evidence of drills", "backup_drills", "id", "started_at", TimeSpan.FromMicroseconds(1),
            TimeSpan.FromDays(Math.Ceiling(DaysInYear * s.GetRequiredService<AuditOptions>().RetentionYears))));
        services.AddSingleton(s => new MaintenanceBackup(ct => CreateAsync(s, BackupKind.Daily, ct), (id, ct) => VerifyAsync(s, id, ct)));
        services.AddSingleton(s => Work(s, "backup-daily", "Back up the application's data, and read the backup back", DailyCron, async ct => (await MakeAsync(s, BackupKind.Daily, ct)).Did));
        services.AddSingleton(s => Work(s, "backup-weekly", "Back up the full system, read the backup back, restore it and ask it", WeeklyCron, async ct =>
        {
            var (id, did) = await MakeAsync(s, BackupKind.Weekly, ct);
            return $"{did} {await DrillAsync(s, id, offSite: false, ct)}";
        }));
        services.AddSingleton(s => Work(s, "backup-monthly", "Back up, copy the backup off-site, read the copy back, restore it and ask it", MonthlyCron, ct => OffSiteAsync(s, ct)));
        return services;
    }

    private static ScheduledWork Work(IServiceProvider s, string name, string what, string cron, Func<CancellationToken, Task<string>> work) =>
        new(name, what, cron, TimeSpan.FromHours(4 * s.GetRequiredService<BackupOptions>().LimitHours), (_, ct) => work(ct));

    private static async Task<(string Id, string Did)> MakeAsync(IServiceProvider s, string kind, CancellationToken ct)
    {
        string id = await CreateAsync(s, kind, ct);
        await VerifyAsync(s, id, ct);
        var made = await s.GetRequiredService<BackupCatalog>().GetAsync(id, ct);
        return (id, $"Backup {id} of {made.Rows:N0} rows, {made.StoredBytes / 1e6:F1} MB, read back.");
    }

    private static async Task<string> OffSiteAsync(IServiceProvider s, CancellationToken ct)
    {
        if (!s.GetRequiredService<OffSiteStore>().Configured) return "Nothing was done: no place off-site is configured (Backup:OffSite).";
        var (id, did) = await MakeAsync(s, BackupKind.Monthly, ct);
        var copy = await s.GetRequiredService<OffSiteCopier>().CopyAsync(id, null, ct);
        return $"{did} Copied to {copy.Location} and read back there. {await DrillAsync(s, id, offSite: true, ct)}";
    }

    /// <summary>One that does not pass fails the run, which says why.</summary>
    private static async Task<string> DrillAsync(IServiceProvider s, string id, bool offSite, CancellationToken ct)
    {
        var evidence = await s.GetRequiredService<Drill>().RunAsync(id, offSite, null, ct);
        if (!evidence.Passed) throw new RagException(ErrorKind.Invalid, $"The drill {evidence.Id} of the backup {evidence.BackupId} did not pass: {evidence.Problem}", "'rag backup drills show ID' shows what was found.");
        return $"Drill {evidence.Id} passed: first answer after {evidence.Seconds.FirstAnswer:F1} s.";
    }

    private static async Task<string> CreateAsync(IServiceProvider s, string kind, CancellationToken ct)
    {
        var time = s.GetRequiredService<TimeProvider>();
        long asked = time.GetTimestamp();
        while (true)
        {
            try
            {
                return (await s.GetRequiredService<BackupWriter>().CreateAsync(kind, null, ct)).Id;
            }
            catch (RagException e) when (e.Kind == ErrorKind.Conflict && time.GetElapsedTime(asked) < Patience)
            {
                await Task.Delay(Again, time, ct);
            }
        }
    }

    private static async Task VerifyAsync(IServiceProvider s, string id, CancellationToken ct)
    {
        var catalog = s.GetRequiredService<BackupCatalog>();
        try
        {
            var reader = await catalog.OpenAsync(id, ct);
            await reader.VerifyAsync(null, ct);
        }
        catch (RagException e) when (e.Kind == ErrorKind.Invalid)
        {
            await catalog.NoteDamagedAsync(id, e.Message, CancellationToken.None);
            throw;
        }
        await catalog.NoteVerifiedAsync(id, ct);
    }
}

/// <summary>Thins backups out as they get older. Which ones, <see cref="BackupThinning"/> decides; here they are looked at and removed.</summary>
internal sealed class BackupRetention(BackupCatalog catalog, MaintenanceOptions options, TimeProvider time) : IRetentionRule
{
    public string Name => "backups";

    public string Policy => $"Of each kind all backups are kept for {options.Retention.BackupAllDays}d, one of each week for {options.Retention.BackupWeeklyDays}d and one of each month for {options.Retention.BackupDays}d; the newest proven one always.";

    public async Task<RetentionLook> LookAsync(RetentionHolds holds, CancellationToken ct)
    {
        var decided = await DecideAsync(ct);
        var due = decided.Where(d => !d.Keep).ToList();
        return new(decided.Count, decided.Count == 0 ? null : decided.Min(d => d.Backup.At), due.Count(d => !holds.Hold(d.Backup.At)), due.Count(d => holds.Hold(d.Backup.At)));
    }

    public async Task<long> RemoveAsync(LeaderTerm term, RetentionHolds holds, int limit, Func<DbTransaction, RetentionPiece, Task> note, CancellationToken ct)
    {
        // One by one, the oldest first: each is on the record before it is gone, with the reason why it was this one.
        if ((await DecideAsync(ct)).Where(d => !d.Keep && !holds.Hold(d.Backup.At)).MinBy(d => d.Backup.At) is not { } due) return 0;
        await term.WriteAsync(async tx =>
        {
            await note(tx, new(1, due.Backup.At, due.Backup.At, $"Backup {due.Backup.Id} ({due.Backup.Kind}): {due.Why}"));
            return 0;
        }, ct);
        await catalog.RemoveAsync(due.Backup.Id, ct);
        return 1;
    }

    private async Task<IReadOnlyList<ThinningDecision>> DecideAsync(CancellationToken ct) => options.Retention.Thinning.Decide(
        (await catalog.ListAsync(ct)).Where(b => b.State != BackupState.Running).Select(b => new KeptBackup(
            b.Id, b.Kind, b.StartedAt, b.State is BackupState.Complete or BackupState.Verified or BackupState.Drilled, b.State is BackupState.Verified or BackupState.Drilled)), time.GetUtcNow());
}
