using System.Globalization;
using Npgsql;
using Rag.Caching;
using Rag.Inference;
using Rag.Inference.Generation;
using Rag.Storage;
using Rag.Telemetry;

namespace Rag.Diagnosis;

/// <summary>The certificates of the server itself, of every server that the configuration has this product speak TLS to, and of those named besides.</summary>
internal sealed class CertificateDiagnosis(
    StorageOptions storage, CachingOptions caching, TelemetryOptions telemetry, InferenceOptions inference, GenerationOptions generation, DiagnosisOptions options, TimeProvider time, IEnumerable<CertificateSource> others) : IDiagnosis
{
    public static readonly TimeSpan Soon = TimeSpan.FromDays(21), VerySoon = TimeSpan.FromDays(3);

    private const int MaxEnds = 32;

    public string Area => Areas.Certificates;

    public async Task<IReadOnlyList<Finding>> LookAsync(DoctorRequest request, CancellationToken ct)
    {
        var findings = new Findings(Area);
        var shown = await ReadAsync(ct);
        foreach (var certificate in shown) Judge(certificate, findings);
        if (shown.Count == 0) findings.Ok("none", "Nothing that is configured speaks TLS.", "Diagnosis:Certificates names others to watch");
        return findings;
    }

    /// <summary>What every end shows now.</summary>
    public async Task<IReadOnlyList<ShownCertificate>> ReadAsync(CancellationToken ct) =>
        [.. (await Task.WhenAll(Ends().DistinctBy(e => e.At).Take(MaxEnds).Select(e => ShownCertificate.ReadAsync(e, ct)))).Where(c => !c.Plain)];

    private IEnumerable<CertificateEnd> Ends()
    {
        if (caching.Redis is { Configured: true, Tls: true })
            foreach (string endpoint in caching.Redis.EndpointList)
                yield return End("redis", endpoint, 6379, verified: true);
        if (storage.Provider == "postgres" && !storage.Postgres.Validate().Any() && storage.Postgres.Read() is var settings && settings.SslMode is not (SslMode.Disable or SslMode.Allow))
            foreach (string host in settings.Host!.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(h => !h.StartsWith('/')))
                yield return End("postgres", host, settings.Port is 0 ? 5432 : settings.Port, settings.SslMode is SslMode.VerifyCA or SslMode.VerifyFull) with { Postgres = true };
        if (Uri.TryCreate(telemetry.OtlpEndpoint, UriKind.Absolute, out var otlp) && otlp.Scheme == "https") yield return new("otlp", otlp.Host, otlp.Port, Verified: true);
        if (inference.Provider == InferenceOptions.OpenAi && Uri.TryCreate(inference.Endpoint, UriKind.Absolute, out var model) && model.Scheme == "https") yield return new("inference", model.Host, model.Port, Verified: true);
        if (generation.Configured && Uri.TryCreate(generation.Endpoint, UriKind.Absolute, out var language) && language.Scheme == "https") yield return new("generation", language.Host, language.Port, Verified: true);
        foreach (var end in others.SelectMany(o => o.Ends())) yield return end;
        foreach (string named in options.CertificateList)
            yield return DiagnosisOptions.IsFile(named) ? new(named, "", 0, Verified: true, File: named) : End(named, named, 443, verified: true);
    }

    private static CertificateEnd End(string name, string text, int defaultPort, bool verified) =>
        DiagnosisOptions.TryParse(text, out string host, out int port) ? new(name, host, port, verified) : new(name, text, defaultPort, verified);

    private void Judge(ShownCertificate c, Findings findings)
    {
        var end = c.End;
        string openssl = end.File is { } file ? $"openssl x509 -noout -dates -subject -in '{file}'" : $"openssl s_client -connect {end.At}{(end.Postgres ? " -starttls postgres" : end.Smtp ? " -starttls smtp" : "")} </dev/null";
        if (c.Problem is not null)
        {
            findings.Warning("unseen", $"The certificate of {end.Name} cannot be looked at.", $"{end.At}: {c.Problem}", "When it expires is not known.", openssl);
            return;
        }
        var now = time.GetUtcNow();
        var left = c.NotAfter - now;
        string evidence = string.Create(CultureInfo.InvariantCulture, $"{end.At} shows {c.Subject}, valid from {c.NotBefore:yyyy-MM-dd HH:mm} to {c.NotAfter:yyyy-MM-dd HH:mm} UTC, {left.TotalDays:F1} days left");
        const string Refuse = "Whoever checks it, the product included, does not connect.";
        int before = findings.Count;
        if (left <= TimeSpan.Zero) findings.Critical("expired", $"The certificate of {end.Name} has expired.", evidence, Refuse, openssl);
        else if (now < c.NotBefore) findings.Critical("not_yet_valid", $"The certificate of {end.Name} is not valid yet.", evidence, Refuse, "rag doctor clock");
        else if (left <= VerySoon) findings.Critical("expiring", $"The certificate of {end.Name} expires within days.", evidence, "After that, " + char.ToLowerInvariant(Refuse[0]) + Refuse[1..], openssl);
        else if (left <= Soon) findings.Warning("expiring", $"The certificate of {end.Name} expires soon.", evidence, "After that, " + char.ToLowerInvariant(Refuse[0]) + Refuse[1..], openssl);
        // By which name others call this server, and whom they trust, is not known here.
        bool own = end.Name == OwnCertificate.Name;
        if (c.NameWrong && !own) Wrong("name", $"The certificate of {end.Name} is for another name than {end.Host}.", evidence);
        if (c.ChainProblem is { } chain && !own) Wrong("chain", $"The certificate of {end.Name} is not trusted on this machine.", $"{evidence}: {chain}");
        if (findings.Count == before) findings.Ok("valid", $"The certificate of {end.Name} is valid.", evidence);

        void Wrong(string name, string what, string why)
        {
            if (end.Verified) findings.Warning(name, what, why, Refuse, openssl);
            else findings.Notice(name, what, why, "The configuration does not have it checked: who sits in between can read along.", openssl);
        }
    }
}
