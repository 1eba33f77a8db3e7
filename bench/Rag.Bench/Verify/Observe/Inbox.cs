using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Rag.Testing;

namespace Rag.Bench.Verify.Observe;

/// <summary>An alert as Alertmanager posted it (webhook, version 4).</summary>
/// <param name="Receiver">Alertmanager's name for whom it was for.</param>
internal sealed record Posted(string Name, string Receiver, string Severity, bool Firing, DateTimeOffset StartsAt, string Labels);

/// <summary>
/// A webhook that keeps what Alertmanager posts; and a target for Prometheus with metrics of what this release does not have,
/// so that the way from a rule to the webhook is tested for every alert.
/// </summary>
internal sealed class Inbox : IAsyncDisposable
{
    private readonly HttpInbox _http = HttpInbox.Start();
    private readonly ConcurrentDictionary<string, double> _series = new();

    public Inbox() => _http.Page = () => string.Concat(_series.Select(s => $"{s.Key} {s.Value.ToString(CultureInfo.InvariantCulture)}\n"));

    public int Port => _http.Port;

    public IReadOnlyList<Posted> All => [.. _http.All.SelectMany(Read)];

    /// <summary>Sets a series of the target, such as <c>name{label="value"}</c>.</summary>
    public void Set(string series, double value) => _series[series] = value;

    public void Clear(string series) => _series.TryRemove(series, out _);

    public ValueTask DisposeAsync() => _http.DisposeAsync();

    private static IEnumerable<Posted> Read(Received received)
    {
        using var body = JsonDocument.Parse(received.Body);
        string receiver = body.RootElement.GetProperty("receiver").GetString()!;
        return body.RootElement.GetProperty("alerts").EnumerateArray().Select(alert =>
        {
            var labels = alert.GetProperty("labels");
            return new Posted(
                labels.GetProperty("alertname").GetString()!, receiver, labels.GetProperty("severity").GetString()!,
                alert.GetProperty("status").GetString() == "firing", alert.GetProperty("startsAt").GetDateTimeOffset(), labels.GetRawText());
        }).ToList();
    }
}
