namespace Rag.Compliance;

/// <summary>How something stands that an auditor asks for.</summary>
internal static class ReviewState
{
    public const string InOrder = "in_order";

    /// <summary>Somebody has to do something about it.</summary>
    public const string Attention = "attention";

    /// <summary>There is nothing that shows how it stands.</summary>
    public const string Unproven = "unproven";

    public static readonly IReadOnlyList<string> All = [InOrder, Attention, Unproven];

    /// <summary>The worst of several: what needs doing before what cannot be shown.</summary>
    public static string Worst(IEnumerable<string> states) => states.Aggregate(InOrder, (a, b) => Rank(b) > Rank(a) ? b : a);

    private static int Rank(string state) => state switch { Attention => 2, Unproven => 1, _ => 0 };
}

/// <summary>A review that the runbook asks for at regular times.</summary>
/// <param name="Name">As commands and metrics call it.</param>
/// <param name="Asks">What the reviewer decides.</param>
internal sealed record ReviewKind(string Name, string Title, string Asks, Func<ReviewPeriods, double> Days)
{
    public static readonly IReadOnlyList<ReviewKind> All =
    [
        new("security-scan", "Security scan results", "Are the attacks and anomalies that were seen explained, and is nothing left to do about them?", p => p.SecurityScan),
        new("access", "Access control lists", "Does everybody still need what they may do, and is every key still used by whom it was made for?", p => p.Access),
        new("certificates", "Certificate expiry", "Is each certificate that ends soon about to be replaced by somebody?", p => p.Certificates),
        new("dependencies", "Dependency vulnerabilities", "Is each known vulnerability of a dependency updated away, or shown not to matter here?", p => p.Dependencies),
        new("privileged-access", "Privileged access", "Was each use of administrative and privileged access by somebody who should, for a reason that holds?", p => p.PrivilegedAccess),
    ];
}

/// <summary>A line of what a reviewer looks at.</summary>
/// <param name="State">One of <see cref="ReviewState.All"/>.</param>
public sealed record ReviewFinding(string What, string State, string Detail);

/// <param name="Summary">One sentence.</param>
public sealed record ReviewEvidence(string Summary, string State, IReadOnlyList<ReviewFinding> Findings);

/// <summary>What a review looks at, gathered when it is asked for; one for each of <see cref="ReviewKind.All"/>.</summary>
internal interface IReviewSource
{
    string Review { get; }

    /// <param name="since">When the same review was done last; null where it never was.</param>
    Task<ReviewEvidence> GatherAsync(DateTimeOffset? since, CancellationToken ct);
}

/// <summary>A review that was done, with what it looked at.</summary>
public sealed record DoneReview(string Id, string Name, DateTimeOffset DoneAt, string DoneBy, string State, string Summary, string Notes, string EvidenceSha256, ReviewEvidence? Evidence = null);

/// <param name="DueAt">When the next one is due: a period after the last, or after the service was set up.</param>
public sealed record ReviewStatus(string Name, string Title, string Asks, double Days, DateTimeOffset DueAt, bool Overdue, DoneReview? Last);
