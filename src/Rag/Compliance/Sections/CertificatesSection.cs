namespace Rag.Compliance;

/// <summary>Certificates as they stand when the report is made.</summary>
internal sealed class CertificatesSection(CertificatesReview certificates) : IReportSection
{
    public string Id => "certificates";

    public async Task<ReportSection> MakeAsync(ReportMonth month, CancellationToken ct)
    {
        var evidence = await certificates.GatherAsync(null, ct);
        return new(Id, "Certificates", "The expiry of certificates is reviewed.", evidence.State, evidence.Summary, ["Certificate", "State", "Shown"],
            [.. evidence.Findings.Select(f => new ReportRow([f.What, ReportHtml.Words(f.State), f.Detail], "rag security certificates"))]);
    }
}
