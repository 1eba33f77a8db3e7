using Rag.Foundation;

namespace Rag.Telemetry;

/// <summary>Section <c>Telemetry</c>.</summary>
internal sealed class TelemetryOptions : IValidatedOptions
{
    public string Section => "Telemetry";

    /// <summary>How often the server asks itself a question, seconds, so that hours without traffic are measured too; 0 never.</summary>
    public int ProbeIntervalSeconds { get; set; } = 15;

    /// <summary><c>text</c> for people, <c>json</c> for collectors: a JSON object a line, with trace and span ids.</summary>
    public string LogFormat { get; set; } = "text";

    /// <summary>Where traces and metrics are pushed to by OTLP over gRPC, such as http://127.0.0.1:4317; nowhere when empty.</summary>
    public string OtlpEndpoint { get; set; } = "";

    /// <summary>Share of requests that are traced, 0 to 1; what a caller traces is traced here too.</summary>
    public double TraceShare { get; set; } = 0.1;

    public IEnumerable<ConfigurationError> Validate()
    {
        if (ProbeIntervalSeconds is < 0 or > 3_600) yield return new("Telemetry:ProbeIntervalSeconds", $"{ProbeIntervalSeconds} is out of range", "choose 0 to 3600");
        if (LogFormat is not ("text" or "json")) yield return new("Telemetry:LogFormat", $"'{LogFormat}' is not a format", "choose text or json");
        if (OtlpEndpoint.Length > 0 && !(Uri.TryCreate(OtlpEndpoint, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            yield return new("Telemetry:OtlpEndpoint", $"'{OtlpEndpoint}' is not an address", "write it as http://collector:4317, or leave it empty");
        if (TraceShare is not (>= 0 and <= 1)) yield return new("Telemetry:TraceShare", $"{TraceShare} is out of range", "choose 0 to 1");
    }
}
