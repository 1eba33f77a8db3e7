namespace Rag.Telemetry;

/// <summary>Which routes are whose, as <c>http_requests_total</c> names them. Objectives count what people and their programs ask for.</summary>
internal static class Routes
{
    /// <summary>Questions: what availability and response time are promised of.</summary>
    public static readonly IReadOnlyList<string> Questions = ["/", "/v1/ask", "/v1/search", "/v1/chat/completions"];

    /// <summary>What balancers and monitors ask the server about itself: part of no objective.</summary>
    public static readonly IReadOnlyList<string> Machines = ["/metrics", "/livez", "/health", "/readyz", "/ready", "/startupz"];
}
