namespace Rag.Slo.Export.Dashboards;

/// <summary>The metrics that a query may name, and what each says of itself.</summary>
/// <param name="descriptions">Of the product's own: name as <c>/metrics</c> has it, histograms without a suffix, to description.</param>
internal sealed class KnownMetrics(IReadOnlyDictionary<string, string> descriptions)
{
    private static readonly string[] HistogramSuffixes = ["_bucket", "_count", "_sum"];

    /// <summary>What others publish: Prometheus of its targets, haproxy of itself.</summary>
    private static readonly Dictionary<string, string> Foreign = new()
    {
        ["up"] = "1 where Prometheus could scrape the target.",
        ["haproxy_backend_active_servers"] = "Servers that the balancer sends requests to.",
        ["haproxy_backend_current_queue"] = "Requests that wait at the balancer for a server.",
        ["haproxy_backend_http_responses_total"] = "Responses through the balancer.",
        ["haproxy_backend_redispatch_warnings_total"] = "Requests that the balancer sent to another server.",
        ["haproxy_backend_response_time_average_seconds"] = "Mean response time of the last 1024 requests, as the balancer sees it.",
        ["haproxy_backend_retry_warnings_total"] = "Requests that the balancer sent again.",
        ["haproxy_server_check_failures_total"] = "Health checks that a server failed at the balancer.",
    };

    /// <summary>What a metric says of itself.</summary>
    /// <exception cref="InvalidOperationException">Nobody publishes it.</exception>
    public string Describe(string metric)
    {
        if (Find(metric) is { } own) return own;
        foreach (string suffix in HistogramSuffixes)
            if (metric.EndsWith(suffix, StringComparison.Ordinal) && Find(metric[..^suffix.Length]) is { } histogram) return histogram;
        throw new InvalidOperationException($"No instrument publishes {metric}.");
    }

    private string? Find(string metric) => descriptions.GetValueOrDefault(metric) ?? Foreign.GetValueOrDefault(metric);
}
