using System.Globalization;
using Rag.Security;

namespace Rag.Compliance;

/// <summary>Attacks and anomalies since the last review.</summary>
internal sealed class SecurityScanReview(SecurityRecord security, TimeProvider time) : IReviewSource
{
    private static readonly TimeSpan AtMost = TimeSpan.FromDays(90);

    public string Review => "security-scan";

    public async Task<ReviewEvidence> GatherAsync(DateTimeOffset? since, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var from = since is { } last && now - last < AtMost ? last : now - AtMost;
        var counts = await security.CountAsync(from, now, ct);
        // Each pattern is looked at: what an attacker tried and what failed by chance are not told apart here.
        var findings = counts.Select(c => new ReviewFinding(c.Pattern, ReviewState.Attention, string.Create(CultureInfo.InvariantCulture, $"{c.Events} events of {c.Callers} callers, the last {Show.Minute(c.Last)}"))).ToList();
        return new(counts.Count == 0 ? $"No attack or anomaly was seen since {Show.Day(from)}." : $"{counts.Sum(c => c.Events)} events of {counts.Count} patterns since {Show.Day(from)}.", ReviewState.Worst(findings.Select(f => f.State)), findings);
    }
}
