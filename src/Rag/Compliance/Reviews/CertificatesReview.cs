using System.Globalization;
using Rag.Diagnosis;

namespace Rag.Compliance;

/// <summary>Certificates of everything that is configured to speak TLS, and when each ends.</summary>
internal sealed class CertificatesReview(CertificateDiagnosis certificates, TimeProvider time) : IReviewSource
{
    public string Review => "certificates";

    public async Task<ReviewEvidence> GatherAsync(DateTimeOffset? since, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var shown = await certificates.ReadAsync(ct);
        var findings = shown.Select(c => c.Problem is { } problem
            ? new ReviewFinding(c.End.Name, ReviewState.Unproven, $"cannot be looked at: {problem}")
            : new ReviewFinding(c.End.Name, c.NotAfter - now <= CertificateDiagnosis.Soon ? ReviewState.Attention : ReviewState.InOrder,
                string.Create(CultureInfo.InvariantCulture, $"{c.Subject}, ends {Show.Day(c.NotAfter)}, {(c.NotAfter - now).TotalDays:F0} days left"))).ToList();
        int soon = findings.Count(f => f.State == ReviewState.Attention), unseen = findings.Count(f => f.State == ReviewState.Unproven);
        string summary = shown.Count == 0 ? "Nothing that is configured speaks TLS; a proxy's certificate is watched where Diagnosis:Certificates names it." : $"{shown.Count} certificates; {soon} end within {CertificateDiagnosis.Soon.Days} days, {unseen} could not be looked at.";
        return new(summary, ReviewState.Worst(findings.Select(f => f.State)), findings);
    }
}
