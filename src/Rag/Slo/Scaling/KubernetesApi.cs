using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Rag.Foundation;

namespace Rag.Slo.Scaling;

/// <summary>The API of the cluster that this process runs in, as the account of its pod; two verbs are all that is needed.</summary>
internal sealed class KubernetesApi : IDisposable
{
    public const string DefaultFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

    private const int MaxBodyChars = 300;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly HttpClient _http;

    private KubernetesApi(HttpClient http, string space) => (_http, Namespace) = (http, space);

    public string Namespace { get; }

    /// <param name="address">Of the API; null: as Kubernetes tells every pod.</param>
    /// <param name="folder">With <c>token</c>, <c>namespace</c> and <c>ca.crt</c>, as Kubernetes mounts it.</param>
    /// <exception cref="RagException">Invalid: there is no address, or no token.</exception>
    public static KubernetesApi Open(string? address, string folder)
    {
        if (address is null)
        {
            if (Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST") is not { Length: > 0 } host)
                throw new RagException(ErrorKind.Invalid, "This process runs in no cluster.", "Run it in a pod, or name the API with --kubernetes and the credentials with --credentials.");
            string port = Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_PORT") is { Length: > 0 } given ? given : "443";
            address = $"https://{(host.Contains(':') ? $"[{host}]" : host)}:{port}";
        }
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")) throw new RagException(ErrorKind.Invalid, $"'{address}' is not the address of an API.", "Write it as https://10.96.0.1:443.");
        try
        {
            var handler = new SocketsHttpHandler { UseProxy = false };
            string authority = Path.Combine(folder, "ca.crt");
            if (File.Exists(authority))
            {
                var roots = new X509Certificate2Collection();
                roots.ImportFromPemFile(authority);
                handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
                handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(roots);
            }
            var http = new HttpClient(handler) { BaseAddress = uri, Timeout = Limit };
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", File.ReadAllText(Path.Combine(folder, "token")).Trim());
            return new(http, File.ReadAllText(Path.Combine(folder, "namespace")).Trim());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new RagException(ErrorKind.Invalid, $"The credentials in {folder} cannot be read: {e.Message}", "Let the pod's account have a token: automountServiceAccountToken.", e);
        }
    }

    public Task<JsonNode> GetAsync(string path, CancellationToken ct) => SendAsync(new(HttpMethod.Get, path), ct);

    /// <summary>Merges (RFC 7386): what is named is set, what is null is removed.</summary>
    public Task<JsonNode> PatchAsync(string path, JsonObject patch, CancellationToken ct) =>
        SendAsync(new(HttpMethod.Patch, path) { Content = new StringContent(patch.ToJsonString(), Encoding.UTF8, "application/merge-patch+json") }, ct);

    public void Dispose() => _http.Dispose();

    private async Task<JsonNode> SendAsync(HttpRequestMessage request, CancellationToken ct)
    {
        try
        {
            using var response = await _http.SendAsync(request, ct);
            string body = await response.Content.ReadAsStringAsync(ct);
            if (response.IsSuccessStatusCode) return JsonNode.Parse(body) ?? throw new System.Text.Json.JsonException("The answer is empty.");
            throw new RagException(ErrorKind.Unavailable, $"Kubernetes refused {request.Method} {request.RequestUri!.OriginalString} with {(int)response.StatusCode}: {body[..Math.Min(MaxBodyChars, body.Length)]}", "Look at the account's rights ('kubectl auth can-i --list') and at the admission policies.");
        }
        catch (Exception e) when (e is HttpRequestException or System.Text.Json.JsonException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            throw new RagException(ErrorKind.Unavailable, $"The API of Kubernetes at {_http.BaseAddress} does not answer: {e.Message}", "Look at the network policies and at the cluster.", e);
        }
        finally
        {
            request.Dispose();
        }
    }
}
