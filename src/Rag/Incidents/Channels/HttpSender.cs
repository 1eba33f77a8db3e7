using System.Net;
using System.Text;

namespace Rag.Incidents.Channels;

/// <summary>Posts JSON within a bound of time and reads a bounded answer. Redirects are not followed: they could lead inside.</summary>
internal sealed class HttpSender(ContactOptions contacts) : IDisposable
{
    private const int MaxAnswerBytes = 64 * 1024;

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(2) })
    {
        Timeout = TimeSpan.FromMilliseconds(contacts.TimeoutMs),
        MaxResponseContentBufferSize = MaxAnswerBytes,
    };

    /// <param name="name">How the receiver is called in results: its address may be a secret.</param>
    public async Task<SendResult> PostAsync(string name, Uri address, byte[] json, IEnumerable<(string Name, string Value)> headers, CancellationToken ct)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ByteArrayContent(json) { Headers = { ContentType = new("application/json") } } };
            foreach (var (header, value) in headers) request.Headers.TryAddWithoutValidation(header, value);
            using var response = await _http.SendAsync(request, ct);
            string answer = Texts.Short($"{name}: {(int)response.StatusCode} {Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync(ct))}");
            bool later = response.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;
            return new(response.IsSuccessStatusCode, later, answer);
        }
        catch (HttpRequestException e)
        {
            return new(false, true, Texts.Short($"{name}: {(e.InnerException ?? e).Message}"));
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new(false, true, $"{name} did not answer within {contacts.TimeoutMs} ms");
        }
    }

    public void Dispose() => _http.Dispose();
}
