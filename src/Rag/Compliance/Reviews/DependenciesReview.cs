using Rag.Security;
using Rag.Security.Advisories;

namespace Rag.Compliance;

/// <summary>What the newest scan of the dependencies says.</summary>
internal sealed class DependenciesReview(AdvisoryScan scans, TimeProvider time) : IReviewSource
{
    private static readonly TimeSpan Fresh = TimeSpan.FromDays(7);

    public string Review => "dependencies";

    public async Task<ReviewEvidence> GatherAsync(DateTimeOffset? since, CancellationToken ct)
    {
        var newest = (await scans.ListAsync(ct)).Scans.MaxBy(s => s.At);
        if (newest is null) return new("No scan was made yet: nothing is known. 'rag security scan' makes one.", ReviewState.Unproven, [new("scan", ReviewState.Unproven, "none")]);
        if (time.GetUtcNow() - newest.At > Fresh) return new($"The newest scan is of {Show.Day(newest.At)}, too old to say how things stand.", ReviewState.Unproven, [new("scan", ReviewState.Unproven, newest.Id)]);
        if (newest.Result == SecurityScan.Unknown) return new($"The scan of {Show.Day(newest.At)} could not see: {newest.Why}", ReviewState.Unproven, [new("scan", ReviewState.Unproven, newest.Id)]);
        var findings = newest.Findings.Select(f => new ReviewFinding($"{f.Package} {f.Version}", ReviewState.Attention, $"{f.Advisory} {f.Summary}{(f.Fixed is { } better ? $"; fixed in {better}" : "")}")).ToList();
        return new($"The scan of {Show.Day(newest.At)} held {newest.Packages} packages against {newest.Advisories} advisories: {(findings.Count == 0 ? "clean." : $"{findings.Count} findings.")}", ReviewState.Worst(findings.Select(f => f.State)), findings);
    }
}
