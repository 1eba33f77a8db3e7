namespace Rag.Compliance;

/// <summary>Who can do what when the report is made.</summary>
internal sealed class AccessSection(AccessReview access) : IReportSection
{
    public string Id => "access";

    public async Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct)
    {
        var report = await access.ReportAsync(ct);
        return new(Id, "Access control lists", "Access control lists are reviewed.", report.Review.State, report.Review.Summary, ["Who", "May", "Where", "Since", "Granted by", "Until", "Last used"],
            [.. report.Lines.Take(ReportSection.MaxRows).Select(l => new ReportRow(
                [l.Principal, l.Role, l.Where, Show.Day(l.Since), l.GrantedBy, l.Until is { } until ? Show.Day(until) : "", l.LastUsed is { } used ? Show.Day(used) : ""], "rag access grants list"))],
            Math.Max(0, report.Lines.Count - ReportSection.MaxRows));
    }
}
