using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Rag.Testing;

/// <summary>A server on loopback that shows a certificate of its own, which ends when the test wants it to.</summary>
public sealed class TlsServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly X509Certificate2 _certificate;
    private readonly bool _smtp;
    private readonly Task _loop;

    private TlsServer(TimeSpan left, bool smtp)
    {
        _smtp = smtp;
        _certificate = Make(left);
        _listener.Start();
        _loop = Task.Run(AcceptAsync);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string At => $"127.0.0.1:{Port}";

    /// <param name="left">How long the certificate is valid from now; negative: it has expired.</param>
    /// <param name="smtp">Whether it greets as a mail server and speaks TLS when it is asked to.</param>
    public static TlsServer Start(TimeSpan left, bool smtp = false) => new(left, smtp);

    /// <summary>A certificate for localhost with its key, signed by itself.</summary>
    public static X509Certificate2 Make(TimeSpan left)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var end = TimeProvider.System.GetUtcNow() + left;
        using var made = request.CreateSelfSigned(end.AddDays(-90), end);
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _certificate.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            try
            {
                await using var stream = client.GetStream();
                if (_smtp) await GreetAsync(stream);
                await using var tls = new SslStream(stream);
                await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
            }
            catch (Exception e) when (e is IOException or AuthenticationException)
            {
                // Whoever looked has seen what they came for.
            }
        }
    }

    private async Task GreetAsync(NetworkStream stream)
    {
        await stream.WriteAsync("220 localhost ESMTP\r\n"u8.ToArray(), _stop.Token);
        await LineAsync(stream);
        await stream.WriteAsync("250-localhost\r\n250 STARTTLS\r\n"u8.ToArray(), _stop.Token);
        await LineAsync(stream);
        await stream.WriteAsync("220 ready\r\n"u8.ToArray(), _stop.Token);
    }

    private async Task LineAsync(NetworkStream stream)
    {
        byte[] one = new byte[1];
        while (await stream.ReadAsync(one, _stop.Token) == 1 && one[0] != '\n')
        {
        }
    }
}
