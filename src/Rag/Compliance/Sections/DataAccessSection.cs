using System.Globalization;
using Rag.Access;
using Rag.Audit;
using Rag.Security;

namespace Rag.Compliance;

/// <summary>Who was shown documents and how often, and whether any of it was unlike the reader's own past.</summary>
internal sealed class DataAccessSection(AuditSummary summary, SecurityRecord security) : IReportSection
{
    private static readonly string[] Unusual = [SecurityPattern.UnusualVolume, SecurityPattern.UnusualDocuments, SecurityPattern.CanaryRead, SecurityPattern.Scraping];

    public string Id => "data-access";

    public async Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct)
    {
        var (rows, groups, records) = await summary.CountAsync(AuditCategory.DataAccess, month.From, month.To, ReportSection.MaxRows, ct);
        var counts = await security.CountAsync(month.From, month.To, ct);
        var unusual = counts.Where(c => Unusual.Contains(c.Pattern)).ToList();
        var lines = unusual.Select(u => new ReportRow([Show.Count(u.Callers, "caller"), u.Pattern, u.Events.ToString(CultureInfo.InvariantCulture), Show.Minute(u.First), Show.Minute(u.Last)], $"rag security events --pattern {u.Pattern}")).ToList();
        lines.AddRange(rows.Select(r => new ReportRow([r.Actor, r.Action, r.Count.ToString(CultureInfo.InvariantCulture), Show.Minute(r.First), Show.Minute(r.Last)], AuditSection.Leaves(r.FirstLeaf, r.LastLeaf))));
        long events = unusual.Sum(u => u.Events);
        return new(Id, "Data access patterns", "Data access patterns are tracked.", events > 0 ? ReviewState.Attention : ReviewState.InOrder,
            records == 0 && events == 0 ? "Nobody was shown a document." : $"{Show.Count(records, "record")} of {Show.Count(rows.Select(r => r.Actor).Distinct().Count(), "reader")}, each of up to a second; {(events == 0 ? "nothing unlike their past was seen." : $"{Show.Count(events, "event")} unlike their past.")}",
            ["Who", "What", "Times", "First", "Last"], lines, groups - rows.Count);
    }
}
