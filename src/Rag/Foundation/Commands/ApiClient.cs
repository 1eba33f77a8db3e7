using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Rag.Foundation.Commands;

/// <summary>
/// The HTTP interface as commands call it, whether the server runs elsewhere or inside the command. Problems come back
/// as the <see cref="RagException"/> that they were.
/// </summary>
public sealed class ApiClient(HttpClient http)
{
    /// <summary>For protocols that bring a client of their own.</summary>
    internal HttpClient Http => http;

    public Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken ct) => SendAsync(new(HttpMethod.Get, path), type, ct);

    public Task<T> DeleteAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken ct) => SendAsync(new(HttpMethod.Delete, path), type, ct);

    public Task<T> PostAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken ct) => SendAsync(new(HttpMethod.Post, path), type, ct);

    public Task<T> PostAsync<TBody, T>(string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<T> type, CancellationToken ct) =>
        SendAsync(new(HttpMethod.Post, path) { Content = JsonContent.Create(body, bodyType) }, type, ct);

    public Task<T> PutAsync<TBody, T>(string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<T> type, CancellationToken ct) =>
        SendAsync(new(HttpMethod.Put, path) { Content = JsonContent.Create(body, bodyType) }, type, ct);

    public Task<T> SendAsync<T>(string path, HttpContent content, JsonTypeInfo<T> type, CancellationToken ct) =>
        SendAsync(new(HttpMethod.Post, path) { Content = content }, type, ct);

    public async Task<string> GetTextAsync(string path, CancellationToken ct)
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Get, path), ct);
        return await response.Content.ReadAsStringAsync(ct);
    }

    /// <summary>Copies a body of any length as it comes.</summary>
    public async Task CopyToAsync(string path, Stream target, CancellationToken ct)
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Get, path), ct);
        await response.Content.CopyToAsync(target, ct);
    }

    private async Task<T> SendAsync<T>(HttpRequestMessage request, JsonTypeInfo<T> type, CancellationToken ct)
    {
        using var response = await SendAsync(request, ct);
        await using var body = await response.Content.ReadAsStreamAsync(ct);
        return await JsonSerializer.DeserializeAsync(body, type, ct) ?? throw new RagException(ErrorKind.Unavailable, $"{request.RequestUri} answered with nothing.", "Check that --server names a rag-system server.");
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct)
    {
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        }
        catch (HttpRequestException e)
        {
            throw new RagException(ErrorKind.Unavailable, $"The server at {http.BaseAddress} does not answer: {e.Message}", "Check the address and that the server runs ('rag serve').", e);
        }
        if (response.IsSuccessStatusCode) return response;
        using (response) throw await ProblemAsync(response, ct);
    }

    private static async Task<RagException> ProblemAsync(HttpResponseMessage response, CancellationToken ct)
    {
        string body = await response.Content.ReadAsStringAsync(ct);
        try
        {
            using var json = JsonDocument.Parse(body);
            return new(Problems.KindOf((int)response.StatusCode), json.RootElement.GetProperty("detail").GetString()!, json.RootElement.GetProperty("remedy").GetString()!);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return new(ErrorKind.Unavailable, $"The server answered {(int)response.StatusCode} {response.ReasonPhrase}.", "Check that --server names a rag-system server; its log says more.");
        }
    }
}
