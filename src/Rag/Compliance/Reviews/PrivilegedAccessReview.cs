using System.Globalization;
using Rag.Audit;

namespace Rag.Compliance;

/// <summary>Administrative actions and privileged access since the last review, by who and what.</summary>
internal sealed class PrivilegedAccessReview(AuditSummary summary, TimeProvider time) : IReviewSource
{
    private const int MaxFindings = 200;
    private static readonly TimeSpan AtMost = TimeSpan.FromDays(366);

    public string Review => "privileged-access";

    public async Task<ReviewEvidence> GatherAsync(DateTimeOffset? since, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var from = since is { } last && now - last < AtMost ? last : now - AtMost;
        var findings = new List<ReviewFinding>();
        long all = 0, left = 0;
        foreach (string category in (string[])[AuditCategory.Administrative, AuditCategory.Privileged, AuditCategory.Permission])
        {
            var (rows, groups, records) = await summary.CountAsync(category, from, now, MaxFindings, ct);
            all += records;
            left += groups - rows.Count;
            findings.AddRange(rows.Select(r => new ReviewFinding($"{r.Actor}: {r.Action}", r.Outcome == "success" ? ReviewState.InOrder : ReviewState.Attention,
                string.Create(CultureInfo.InvariantCulture, $"{r.Count} times, {r.Outcome}, the last {Show.Minute(r.Last)} ({AuditSection.Leaves(r.FirstLeaf, r.LastLeaf)})"))));
        }
        return new($"{all} uses of administrative and privileged access since {Show.Day(from)}{(left > 0 ? $"; {left} lines more than are shown" : "")}.", ReviewState.Worst(findings.Select(f => f.State)), findings);
    }
}
