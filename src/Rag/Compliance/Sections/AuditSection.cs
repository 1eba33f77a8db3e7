using System.Globalization;
using Rag.Audit;

namespace Rag.Compliance;

/// <param name="Category">One of <see cref="AuditCategory.All"/>.</param>
internal sealed record AuditTopic(string Id, string Title, string Requirement, string Category, string Nothing);

/// <summary>What the audit record has of one category in the month, by who and what.</summary>
internal sealed class AuditSection(AuditTopic topic, AuditSummary summary) : IReportSection
{
    public static readonly IReadOnlyList<AuditTopic> Topics =
    [
        new("administrative-actions", "Administrative actions", "All administrative actions are logged.", AuditCategory.Administrative, "Nobody did anything administrative."),
        new("privileged-access", "Privileged access", "Privileged access is monitored.", AuditCategory.Privileged, "Nobody used privileged access."),
        new("permission-changes", "Permission changes", "Access control lists are reviewed.", AuditCategory.Permission, "No key, grant or permission changed."),
        new("sign-ins", "Sign-ins", "Privileged access is monitored.", AuditCategory.SignIn, "Nobody signed in."),
        new("refusals", "Refused requests", "Data access patterns are tracked.", AuditCategory.Refusal, "Nothing was refused."),
        new("data-changes", "Changes of documents", "Data access patterns are tracked.", AuditCategory.DataChange, "No document changed."),
    ];

    public string Id => topic.Id;

    public async Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct)
    {
        var (rows, groups, records) = await summary.CountAsync(topic.Category, month.From, month.To, ReportSection.MaxRows, ct);
        return new(topic.Id, topic.Title, topic.Requirement, ReviewState.InOrder,
            records == 0 ? topic.Nothing : $"{Show.Count(records, "record")} of {Show.Count(rows.Select(r => r.Actor).Distinct().Count(), "actor")}.",
            ["Who", "What", "Outcome", "Times", "First", "Last"],
            [.. rows.Select(r => new ReportRow([r.Actor, r.Action, r.Outcome, r.Count.ToString(CultureInfo.InvariantCulture), Show.Minute(r.First), Show.Minute(r.Last)], Leaves(r.FirstLeaf, r.LastLeaf)))],
            groups - rows.Count);
    }

    public static string Leaves(long? first, long? last) => first is null ? "not in the tree yet" : first == last ? $"audit leaf {first}" : $"audit leaves {first} to {last}";
}
