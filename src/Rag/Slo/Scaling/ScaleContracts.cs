namespace Rag.Slo.Scaling;

/// <summary>That more replicas may run than the guidelines allow, or that at least so many do, for a time.</summary>
/// <param name="MaxReplicas">The ceiling meanwhile; null where it stays.</param>
/// <param name="MinReplicas">The least meanwhile; null where it stays.</param>
/// <param name="Owner">Who answers for it.</param>
/// <param name="State"><c>active</c>, <c>over</c> or <c>withdrawn</c>.</param>
public sealed record ScaleApproval(
    string Id, int? MaxReplicas, int? MinReplicas, string Owner, string Reason, DateTimeOffset ApprovedAt, string ApprovedBy, DateTimeOffset ExpiresAt, DateTimeOffset? WithdrawnAt, string State)
{
    public const string Active = "active", Over = "over", Withdrawn = "withdrawn";
}

/// <param name="Owner">Who answers for it; whoever asks where it is left out.</param>
/// <param name="For">How long it holds, such as <c>8h</c>.</param>
public sealed record ApproveScale(int? MaxReplicas, int? MinReplicas, string Reason, string For, string? Owner = null);

public sealed record ScaleApprovalList(IReadOnlyList<ScaleApproval> Approvals);

/// <summary>Between what the number of replicas may be now.</summary>
/// <param name="Until">When the first of the approvals ends that this follows from; null where it follows from none.</param>
public sealed record ScaleBounds(int Min, int Max, DateTimeOffset? Until, string? Owner, string? Reason);

/// <summary>How many replicas the guidelines ask for, from what the replicas said of themselves.</summary>
/// <param name="Direction"><c>up</c>, <c>down</c>, <c>stay</c>, or <c>unknown</c> where too little was measured.</param>
/// <param name="CpuPercent">Processor time of the last whole minute, whole per cent of what the replicas may use; null where none was measured.</param>
public sealed record ScaleRecommendation(int Replicas, int Recommended, string Direction, int? CpuPercent, string Reason)
{
    public const string Up = "up", Down = "down", Stay = "stay", Unknown = "unknown";
}

/// <param name="Replicas">That run now.</param>
public sealed record ScaleStatus(int Replicas, ScaleBounds Bounds, ScaleRecommendation Recommendation, IReadOnlyList<ScaleApproval> Approvals);

/// <summary>What the keeper found and did in the cluster.</summary>
/// <param name="Changed">What was changed, in words; empty where everything was right.</param>
public sealed record ScaleKept(int MinReplicas, int MaxReplicas, IReadOnlyList<string> Changed, string? Problem);
