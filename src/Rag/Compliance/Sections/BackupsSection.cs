using System.Globalization;
using Rag.Backup;
using Rag.Backup.Drills;
using Rag.Backup.OffSite;

namespace Rag.Compliance;

/// <summary>
/// Backups of the month, their copies off-site, and the drills. A backup that was only made proves nothing: a daily one counts
/// when all of it was read, a weekly one when it was restored and asked, and off-site what was read back there.
/// </summary>
internal sealed class BackupsSection(BackupCatalog catalog, OffSiteCopies copies, DrillRecord drills) : IReportSection
{
    public string Id => "backups";

    public async Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct)
    {
        var made = (await catalog.ListAsync(ct)).Where(b => b.StartedAt >= month.From && b.StartedAt < month.To).OrderByDescending(b => b.StartedAt).ToList();
        var offSite = (await copies.ListAsync(ct)).Where(c => c.StartedAt >= month.From && c.StartedAt < month.To).ToList();
        var drilled = await drills.ListAsync(month.From, month.To, ReportSection.MaxRows + 1, ct);
        int bad = made.Count(b => b.State is BackupState.Failed or BackupState.Damaged) + offSite.Count(c => c.State is BackupState.Failed or BackupState.Damaged) + drilled.Count(d => !d.Passed);
        var missing = new List<string>();
        if (!made.Any(b => b.Kind == BackupKind.Daily && b.VerifiedAt is not null)) missing.Add("no daily backup was read in full");
        if (!made.Any(b => b.Kind == BackupKind.Weekly && b.DrilledAt is not null)) missing.Add("no weekly backup was restored and asked");
        if (!offSite.Any(c => c.Good)) missing.Add("no copy off-site was read back");
        var rows = made.Select(b => new ReportRow(["backup " + b.Id, b.Kind, b.State, Show.Minute(b.StartedAt), b.DrilledAt is { } d ? "drilled " + Show.Minute(d) : b.VerifiedAt is { } v ? "read " + Show.Minute(v) : ""], $"rag backup show {b.Id}"))
            .Concat(offSite.Select(c => new ReportRow(["copy " + c.BackupId, c.Kind, c.State, Show.Minute(c.StartedAt!.Value), c.DrilledAt is { } d ? "drilled " + Show.Minute(d) : c.VerifiedAt is { } v ? "read " + Show.Minute(v) : ""], "rag backup off-site")))
            .Concat(drilled.Select(d => new ReportRow(
                ["drill " + d.Id, d.OffSite ? "off-site" : "here", d.Passed ? "passed" : "failed", Show.Minute(d.StartedAt), d.Problem ?? $"first answer after {Seconds(d.FirstAnswerSeconds)} s, loss {Seconds(d.LossSeconds)} s"], $"rag backup drills show {d.Id}, SHA-256 {d.Sha256}"))).ToList();
        return new(Id, "Backups and drills", "Backups are made daily and weekly, and verified off-site monthly.",
            bad > 0 ? ReviewState.Attention : missing.Count > 0 ? ReviewState.Unproven : ReviewState.InOrder,
            made.Count == 0 ? "No backup was made in this month."
                : $"Made: {Show.Count(made.Count, "backup")}; read in full: {made.Count(b => b.VerifiedAt is not null)}; read back off-site: {offSite.Count(c => c.Good)}; drills that passed: {drilled.Count(d => d.Passed)} of {drilled.Count}; failed or damaged: {bad}."
                    + (missing.Count > 0 ? $" In this month {string.Join(", ", missing)}." : ""),
            ["What", "Kind", "State", "Began", "Proof"], [.. rows.Take(ReportSection.MaxRows)], Math.Max(0, rows.Count - ReportSection.MaxRows));
    }

    private static string Seconds(double seconds) => seconds.ToString("F1", CultureInfo.InvariantCulture);
}
