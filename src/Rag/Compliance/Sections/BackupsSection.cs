using Rag.Backup;

namespace Rag.Compliance;

/// <summary>Backups of the month, and which of them were read in full and restored; one that was only made proves nothing.</summary>
internal sealed class BackupsSection(BackupCatalog catalog) : IReportSection
{
    public string Id => "backups";

    public async Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct)
    {
        var made = (await catalog.ListAsync(ct)).Where(b => b.StartedAt >= month.From && b.StartedAt < month.To).OrderByDescending(b => b.StartedAt).ToList();
        int verified = made.Count(b => b.VerifiedAt is not null), bad = made.Count(b => b.State is BackupState.Failed or BackupState.Damaged);
        return new(Id, "Backups and drills", "Backups are made daily and weekly, and verified off-site monthly.",
            bad > 0 ? ReviewState.Attention : verified == 0 ? ReviewState.Unproven : ReviewState.InOrder,
            made.Count == 0 ? "No backup was made in this month." : $"Made: {Show.Count(made.Count, "backup")}; read in full: {verified}; failed or damaged: {bad}.",
            ["Backup", "Kind", "State", "Made", "Verified"],
            [.. made.Take(ReportSection.MaxRows).Select(b => new ReportRow([b.Id, b.Kind, b.State, Show.Minute(b.StartedAt), b.VerifiedAt is { } at ? Show.Minute(at) : ""], $"rag backup show {b.Id}"))],
            Math.Max(0, made.Count - ReportSection.MaxRows));
    }
}
