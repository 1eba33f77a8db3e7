using Rag.Incidents;

namespace Rag.Compliance;

/// <summary>Incidents that were opened in the month, and whether somebody responded in time.</summary>
internal sealed class IncidentsSection(IncidentDesk desk, IncidentViews views) : IReportSection
{
    public string Id => "incidents";

    public async Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct)
    {
        var all = await desk.ListAsync(all: true, IncidentDesk.MaxList, ct);
        var opened = all.Where(i => i.FirstOpenedAt >= month.From && i.FirstOpenedAt < month.To).Select(views.Summary).ToList();
        int late = opened.Count(i => i.DeadlineMet == false), open = opened.Count(i => i.State != "resolved");
        var rows = opened.Select(i => new ReportRow(
            [i.Id, i.Severity, i.Title, Show.Minute(i.OpenedAt), i.AcknowledgedAt is { } a ? Show.Minute(a) : "", i.ResolvedAt is { } r ? Show.Minute(r) : "open", i.DeadlineMet switch { true => "in time", false => "late", null => "not decided" }],
            $"rag incidents show {i.Id}")).ToList();
        return new(Id, "Incidents", "P0 is responded to in 15 minutes, P1 in 1 hour, P2 in 4 hours, P3 on the next business day.",
            late + open > 0 ? ReviewState.Attention : ReviewState.InOrder,
            opened.Count == 0 ? "No incident was opened." : $"Opened: {Show.Count(opened.Count, "incident")}; responded to late: {late}; still open: {open}.",
            ["Incident", "Severity", "Title", "Opened", "Acknowledged", "Resolved", "Response"], rows)
        {
            // The desk lists so many at most; what lies before the oldest of them is not seen here.
            Omitted = all.Count == IncidentDesk.MaxList && all.Min(i => i.FirstOpenedAt) > month.From ? 1 : 0,
        };
    }
}
