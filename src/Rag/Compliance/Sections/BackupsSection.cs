namespace Rag.Compliance;

/// <summary>Backups and drills: this release makes none of its own, and says so.</summary>
internal sealed class BackupsSection : IReportSection
{
    public string Id => "backups";

    public Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct) => Task.FromResult(new ReportSection(
        Id, "Backups and drills", "Backups are made daily and weekly, and verified off-site monthly.", ReviewState.Unproven,
        "This release makes no backups of its own; show those of the operating system or the database.", [], []));
}
