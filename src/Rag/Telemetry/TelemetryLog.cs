using Microsoft.Extensions.Logging;

namespace Rag.Telemetry;

internal static partial class TelemetryLog
{
    [LoggerMessage(8001, LogLevel.Warning, "This server does not answer its own question: {Problem}")]
    public static partial void ProbeFailed(this ILogger log, string problem);
}
