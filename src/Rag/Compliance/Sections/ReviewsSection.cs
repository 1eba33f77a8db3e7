namespace Rag.Compliance;

/// <summary>Reviews that were done in the month, and those that are overdue now.</summary>
internal sealed class ReviewsSection(ReviewBook reviews) : IReportSection
{
    public string Id => "reviews";

    public async Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct)
    {
        var done = await reviews.DoneBetweenAsync(month.From, month.To, ct);
        var status = await reviews.StatusAsync(ct);
        var rows = done.Select(d => new ReportRow([d.Name, "done", Show.Day(d.DoneAt), d.DoneBy, d.Summary, d.Notes], $"review {d.Id}, sha256 {d.EvidenceSha256}")).ToList();
        rows.AddRange(status.Where(s => s.Overdue).Select(s => new ReportRow([s.Name, "overdue", Show.Day(s.DueAt), "", s.Asks, ""], $"rag reviews list; last {(s.Last is null ? "never" : Show.Day(s.Last.DoneAt))}")));
        int overdue = status.Count(s => s.Overdue);
        return new(Id, "Regular reviews", "Security scan results, access control lists, certificate expiry and dependency vulnerabilities are reviewed regularly.",
            overdue > 0 ? ReviewState.Attention : ReviewState.InOrder,
            overdue > 0 ? $"Done: {Show.Count(done.Count, "review")}; overdue: {overdue}." : $"Done: {Show.Count(done.Count, "review")}; none is overdue.",
            ["Review", "State", "On", "By", "Found", "Decided"], rows);
    }
}
