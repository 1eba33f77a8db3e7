namespace Rag.Audit;

/// <summary>Why something is on the record.</summary>
internal static class AuditCategory
{
    /// <summary>What only an operator or administrator may do.</summary>
    public const string Administrative = "administrative";

    /// <summary>Reading what only the privileged may read: the audit record, reports, others' answers, documents past their groups.</summary>
    public const string Privileged = "privileged_access";

    public const string SignIn = "sign_in";

    public const string Permission = "permission_change";

    public const string Refusal = "refusal";

    /// <summary>Documents that somebody was shown.</summary>
    public const string DataAccess = "data_access";

    /// <summary>Documents that somebody put, replaced or removed.</summary>
    public const string DataChange = "data_change";

    public static readonly IReadOnlyList<string> All = [Administrative, Privileged, SignIn, Permission, Refusal, DataAccess, DataChange];
}

/// <summary>Something that goes on the record; who did it and when is added as it is written.</summary>
/// <param name="Category">One of <see cref="AuditCategory.All"/>.</param>
/// <param name="Action">What was done, as <c>thing.verb</c>: <c>collection.delete</c>.</param>
/// <param name="Resource">What it was done to: kind and id or name, as <c>collection:handbook</c>.</param>
/// <param name="Details">Facts beside it, in order; no secrets, no document text.</param>
internal sealed record AuditEvent(string Category, string Action, string Resource, IReadOnlyDictionary<string, string>? Details = null)
{
    public bool Succeeded { get; init; } = true;

    public static AuditEvent Administrative(string action, string resource, IReadOnlyDictionary<string, string>? details = null) => new(AuditCategory.Administrative, action, resource, details);
}

/// <summary>That somebody was shown documents.</summary>
/// <param name="How"><c>ask</c>, <c>search</c>, <c>read</c> or <c>list</c>.</param>
/// <param name="Question">Kept as a keyed hash unless the configuration says otherwise.</param>
/// <param name="Answer">Id of the answer, where there is one.</param>
/// <param name="Documents">Ids of the documents whose words were shown.</param>
internal sealed record DataAccess(string How, string CollectionId, string? Question, string? Answer, IReadOnlyList<string> Documents)
{
    /// <summary>Some of the documents are limited to groups that whoever was shown them is not in: an administrator sees past that.</summary>
    public bool Privileged { get; init; }
}
