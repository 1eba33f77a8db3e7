using Rag.Diagnosis;

namespace Rag.Security;

/// <summary>The certificates that the doctor watches, as a list: of the server itself and of everything configured that speaks TLS.</summary>
internal sealed class Certificates(CertificateDiagnosis certificates, TimeProvider time)
{
    public async Task<CertificateList> ListAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var shown = await certificates.ReadAsync(ct);
        return new([.. shown.Select(c => Line(c, now)).OrderBy(l => l.NotAfter ?? DateTimeOffset.MinValue).ThenBy(l => l.Name, StringComparer.Ordinal)]);
    }

    private static CertificateLine Line(ShownCertificate c, DateTimeOffset now)
    {
        if (c.Problem is not null) return new(c.End.Name, c.End.At, "unseen", "", "", null, null, c.Problem);
        double days = Math.Round((c.NotAfter - now).TotalDays, 1);
        string state = c.NotAfter <= now ? "expired" : c.NotAfter - now <= CertificateDiagnosis.Soon ? "expiring" : "valid";
        return new(c.End.Name, c.End.At, state, c.Subject, c.Issuer, c.NotAfter, days, !c.End.Verified ? null : c.NameWrong ? "It is for another name." : c.ChainProblem);
    }
}
