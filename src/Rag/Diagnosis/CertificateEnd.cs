using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Rag.Diagnosis;

/// <summary>Where a certificate is shown: a server, or a PEM file.</summary>
/// <param name="Name">As metrics and findings call it: <c>server</c>, <c>redis</c>, <c>postgres</c>, <c>otlp</c>, <c>inference</c>, <c>generation</c>, <c>smtp</c>, <c>webhook</c>, <c>oidc</c>, <c>advisories</c>, or as configured.</param>
/// <param name="Verified">Whether the product itself refuses a certificate there that it cannot verify.</param>
/// <param name="Postgres">Whether TLS is asked for as PostgreSQL has it (SSLRequest, "Message Flow" in its manual).</param>
/// <param name="Smtp">Whether TLS is asked for as mail servers have it (STARTTLS, RFC 3207).</param>
/// <param name="File">The PEM file; null where a server shows it.</param>
internal sealed record CertificateEnd(string Name, string Host, int Port, bool Verified, bool Postgres = false, bool Smtp = false, string? File = null)
{
    public string At => File ?? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Host}:{Port}");
}

/// <summary>What an end shows.</summary>
/// <param name="Problem">Why nothing was shown; null where it was.</param>
/// <param name="Plain">The server speaks without TLS, which the configuration allows.</param>
/// <param name="NameWrong">Whether the certificate is for other names.</param>
/// <param name="ChainProblem">Why it is not trusted, its dates left out; null where it is.</param>
internal sealed record ShownCertificate(CertificateEnd End, string? Problem, bool Plain, string Subject, string Issuer, DateTimeOffset NotBefore, DateTimeOffset NotAfter, bool NameWrong, string? ChainProblem)
{
    private const int MaxReplyBytes = 8_192;

    private static readonly byte[] SslRequest = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

    public static async Task<ShownCertificate> ReadAsync(CertificateEnd end, CancellationToken ct)
    {
        if (end.File is not null) return FromFile(end);
        var (reached, socket) = await Reached.TryAsync(end.Host, end.Port, ct);
        if (socket is null) return Unseen(end, $"{reached.Steps}: {reached.Why}");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Reached.Limit);
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            if (end.Postgres)
            {
                await stream.WriteAsync(SslRequest, limit.Token);
                byte[] answer = new byte[1];
                await stream.ReadExactlyAsync(answer, limit.Token);
                if (answer[0] != 'S') return Unseen(end, null) with { Plain = true };
            }
            if (end.Smtp && !await StartTlsAsync(stream, limit.Token)) return Unseen(end, "the mail server does not offer STARTTLS");
            return await HandshakeAsync(end, stream, limit.Token);
        }
        catch (Exception e) when (e is IOException or AuthenticationException or SocketException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return Unseen(end, e is OperationCanceledException ? $"no certificate within {Reached.Limit.TotalSeconds:F0} s" : e.InnerException?.Message ?? e.Message);
        }
    }

    /// <summary>Greets a mail server and asks for TLS; says whether it agreed.</summary>
    private static async Task<bool> StartTlsAsync(Stream stream, CancellationToken ct)
    {
        if (await ReplyAsync(stream, ct) != "220") return false;
        await stream.WriteAsync("EHLO localhost\r\n"u8.ToArray(), ct);
        if (await ReplyAsync(stream, ct) != "250") return false;
        await stream.WriteAsync("STARTTLS\r\n"u8.ToArray(), ct);
        return await ReplyAsync(stream, ct) == "220";
    }

    /// <summary>The code of a reply, which may have several lines; byte by byte, because what follows the last is TLS.</summary>
    private static async Task<string> ReplyAsync(Stream stream, CancellationToken ct)
    {
        var line = new System.Text.StringBuilder();
        byte[] one = new byte[1];
        for (int read = 0; read < MaxReplyBytes; read++)
        {
            await stream.ReadExactlyAsync(one, ct);
            if (one[0] != '\n')
            {
                line.Append((char)one[0]);
                continue;
            }
            if (line.Length >= 4 && line[3] == ' ') return line.ToString(0, 3);
            line.Clear();
        }
        return "";
    }

    private static async Task<ShownCertificate> HandshakeAsync(CertificateEnd end, Stream stream, CancellationToken ct)
    {
        ShownCertificate? shown = null;
        using var tls = new SslStream(stream, leaveInnerStreamOpen: true);
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = end.Host,
                // To be looked at, not to be believed: nothing is sent here.
                RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                {
                    if (certificate is X509Certificate2 c) shown = Of(end, c, errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch), errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors) ? chain : null);
                    return true;
                },
            }, ct);
        }
        catch (Exception e) when (shown is not null && e is IOException or AuthenticationException)
        {
            // A server that wants a certificate of ours ends it here; it has shown its own.
        }
        return shown ?? Unseen(end, "the server showed no certificate");
    }

    private static ShownCertificate FromFile(CertificateEnd end)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(end.File!));
            return Of(end, certificate, nameWrong: false, chain: null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            return Unseen(end, e.Message);
        }
    }

    private static ShownCertificate Of(CertificateEnd end, X509Certificate2 certificate, bool nameWrong, X509Chain? chain)
    {
        var problems = (chain?.ChainStatus ?? []).Where(s => s.Status is not (X509ChainStatusFlags.NotTimeValid or X509ChainStatusFlags.NoError)).Select(s => s.StatusInformation.Trim()).Distinct().ToList();
        return new(end, null, false, certificate.Subject, certificate.Issuer, certificate.NotBefore.ToUniversalTime(), certificate.NotAfter.ToUniversalTime(), nameWrong, problems.Count == 0 ? null : string.Join("; ", problems));
    }

    private static ShownCertificate Unseen(CertificateEnd end, string? problem) => new(end, problem, false, "", "", default, default, false, null);
}
