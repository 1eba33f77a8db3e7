using System.Globalization;
using Rag.Audit;

namespace Rag.Compliance;

/// <summary>Whether the audit record is what was signed, and that it is kept as long as it must be.</summary>
internal sealed class RecordSection(AuditVerifier verifier, AuditKeeping keeping, AuditOptions audit) : IReportSection
{
    public string Id => "audit-record";

    public async Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct)
    {
        var checkedNow = await verifier.VerifyAsync(null, ct);
        var segments = await keeping.SegmentsAsync(ct);
        var holds = (await keeping.HoldsAsync(ct)).Holds.Where(h => h.ReleasedAt is null).ToList();
        var rows = new List<ReportRow>
        {
            new(["verification", checkedNow.Intact ? "intact" : "NOT INTACT", $"{checkedNow.Records} records, {checkedNow.Checkpoints} checkpoints outside, {checkedNow.ProblemCount} problems"], "rag audit verify"),
        };
        rows.AddRange(checkedNow.Problems.Select(p => new ReportRow(["problem", "", p], "rag audit verify")));
        rows.AddRange(segments.Segments.Take(ReportSection.MaxRows).Select(s => new ReportRow(
            ["segment", s.State, $"from {Show.Day(s.OpenedAt)}{(s.ExpiresAt is { } at ? $", kept until {Show.Day(at)}" : "")}{(s.ExpiredAt is { } gone ? $", expired {Show.Day(gone)}" : "")}"], $"audit leaves {s.FirstLeaf} to {(s.EndLeaf is { } end ? (end - 1).ToString(CultureInfo.InvariantCulture) : "now")}")));
        rows.AddRange(holds.Select(h => new ReportRow(["hold", "in force", h.Reason], $"hold {h.Id}, placed {Show.Day(h.PlacedAt)}")));
        string state = !checkedNow.Intact ? ReviewState.Attention : checkedNow.Checkpoints == 0 ? ReviewState.Unproven : ReviewState.InOrder;
        return new(Id, "Audit record and its retention", $"Audit logs are kept for {audit.RetentionYears} years.", state,
            !checkedNow.Intact ? $"The record is not what was signed: {checkedNow.ProblemCount} problems." : checkedNow.Checkpoints == 0 ? "There is no checkpoint outside to compare the record with." : $"The record is what was signed; holds in force: {holds.Count}.",
            ["What", "State", "Detail"], rows, Math.Max(0, segments.Segments.Count - ReportSection.MaxRows));
    }
}
