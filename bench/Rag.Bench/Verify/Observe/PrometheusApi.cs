using System.Globalization;
using System.Text.Json;

namespace Rag.Bench.Verify.Observe;

/// <summary>A series and its value at the moment of a query.</summary>
internal sealed record Sample(IReadOnlyDictionary<string, string> Labels, double Value);

/// <param name="Kind"><c>recording</c> or <c>alerting</c>.</param>
/// <param name="Error">Of its last evaluation; null where there was none.</param>
internal sealed record RunningRule(string Name, string Kind, string Query, string? Error);

/// <summary>The HTTP API of a Prometheus server (prometheus.io/docs/prometheus/latest/querying/api).</summary>
internal sealed class PrometheusApi(Uri address) : IDisposable
{
    private readonly HttpClient _http = new() { BaseAddress = address, Timeout = TimeSpan.FromSeconds(30) };

    /// <summary>Evaluates PromQL now.</summary>
    /// <exception cref="InvalidOperationException">It does not parse, or fails; the message is the server's.</exception>
    public async Task<IReadOnlyList<Sample>> QueryAsync(string promql, CancellationToken ct)
    {
        using var content = new FormUrlEncodedContent([new("query", promql)]);
        using var response = await _http.PostAsync("/api/v1/query", content, ct);
        using var body = JsonDocument.Parse(await response.Content.ReadAsStringAsync(ct));
        if (body.RootElement.GetProperty("status").GetString() != "success") throw new InvalidOperationException(body.RootElement.GetProperty("error").GetString());
        var data = body.RootElement.GetProperty("data");
        return data.GetProperty("resultType").GetString() == "scalar"
            ? [new Sample(new Dictionary<string, string>(), Value(data.GetProperty("result")))]
            : [.. data.GetProperty("result").EnumerateArray().Select(r => new Sample(
                r.GetProperty("metric").EnumerateObject().ToDictionary(l => l.Name, l => l.Value.GetString()!), Value(r.GetProperty("value"))))];
    }

    /// <summary>Value of a query that has one result; null where it has none.</summary>
    public async Task<double?> ValueAsync(string promql, CancellationToken ct) => await QueryAsync(promql, ct) is [var only, ..] ? only.Value : null;

    public async Task<IReadOnlyList<RunningRule>> RulesAsync(CancellationToken ct)
    {
        using var body = JsonDocument.Parse(await _http.GetStringAsync("/api/v1/rules", ct));
        return [.. body.RootElement.GetProperty("data").GetProperty("groups").EnumerateArray().SelectMany(g => g.GetProperty("rules").EnumerateArray()).Select(r => new RunningRule(
            r.GetProperty("name").GetString()!, r.GetProperty("type").GetString()!, r.GetProperty("query").GetString()!,
            r.TryGetProperty("lastError", out var error) && error.GetString() is { Length: > 0 } text ? text : null))];
    }

    /// <summary>Names of the alerts that fire now.</summary>
    public async Task<IReadOnlySet<string>> FiringAsync(CancellationToken ct, string selector = "") =>
        (await QueryAsync($"ALERTS{{alertstate=\"firing\"{selector}}}", ct)).Select(s => s.Labels["alertname"]).ToHashSet();

    public void Dispose() => _http.Dispose();

    private static double Value(JsonElement pair) => double.Parse(pair[1].GetString()!, NumberStyles.Float, CultureInfo.InvariantCulture);
}
