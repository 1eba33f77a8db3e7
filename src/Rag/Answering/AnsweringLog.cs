using Microsoft.Extensions.Logging;

namespace Rag.Answering;

internal static partial class AnsweringLog
{
    [LoggerMessage(5001, LogLevel.Warning, "Provenance of {Count} answers could not be written and is tried again")]
    public static partial void ProvenanceDelayed(this ILogger log, Exception error, int count);
}
