using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rag.Maintenance;

/// <summary>Alertmanager did not do what it was asked; the message says why.</summary>
internal sealed class AlertmanagerException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Silences in Alertmanager, by its interface v2 (openapi.yaml of Alertmanager 0.25).</summary>
internal sealed class Alertmanager(MaintenanceOptions options) : IDisposable
{
    /// <summary>The job under which Prometheus scrapes the replicas; the alerts of the product have it as a label.</summary>
    public const string Job = "rag-system";

    private const int MaxProblemChars = 300;

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };

    public bool Configured => options.AlertmanagerUrl.Length > 0;

    /// <summary>Silences the product's alerts for a time; gives the silence's id.</summary>
    /// <exception cref="AlertmanagerException">It is not reached, or refuses.</exception>
    public async Task<string> SilenceAsync(string title, string by, DateTimeOffset start, DateTimeOffset end, CancellationToken ct)
    {
        var silence = new JsonObject
        {
            ["matchers"] = new JsonArray(new JsonObject { ["name"] = "job", ["value"] = Job, ["isRegex"] = false, ["isEqual"] = true }),
            ["startsAt"] = start.ToString("O"),
            ["endsAt"] = end.ToString("O"),
            ["createdBy"] = by,
            ["comment"] = $"Maintenance window: {title}",
        };
        using var content = new StringContent(silence.ToJsonString(), System.Text.Encoding.UTF8, "application/json");
        string body = await SendAsync(HttpMethod.Post, "/api/v2/silences", content, ct);
        try
        {
            return JsonNode.Parse(body)?["silenceID"]?.GetValue<string>() is { Length: > 0 } id ? id : throw new AlertmanagerException("Alertmanager answered without the id of a silence.");
        }
        catch (JsonException e)
        {
            throw new AlertmanagerException("Alertmanager answered with something other than JSON.", e);
        }
    }

    /// <summary>Ends a silence now.</summary>
    /// <exception cref="AlertmanagerException">It is not reached, or refuses.</exception>
    public Task ExpireAsync(string id, CancellationToken ct) => SendAsync(HttpMethod.Delete, $"/api/v2/silence/{Uri.EscapeDataString(id)}", null, ct);

    public void Dispose() => _http.Dispose();

    private async Task<string> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken ct)
    {
        try
        {
            using var request = new HttpRequestMessage(method, options.AlertmanagerUrl.TrimEnd('/') + path) { Content = content };
            using var response = await _http.SendAsync(request, ct);
            string body = await response.Content.ReadAsStringAsync(ct);
            return response.IsSuccessStatusCode ? body : throw new AlertmanagerException($"Alertmanager answered {(int)response.StatusCode}: {body[..Math.Min(body.Length, MaxProblemChars)].Trim()}");
        }
        catch (HttpRequestException e)
        {
            throw new AlertmanagerException($"Alertmanager at {options.AlertmanagerUrl} does not answer: {e.Message}", e);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new AlertmanagerException($"Alertmanager at {options.AlertmanagerUrl} did not answer within {_http.Timeout.TotalSeconds:0} s.", e);
        }
    }
}
