using Microsoft.Extensions.Logging;

namespace Rag.Answering;

internal static partial class AnsweringLog
{
    [LoggerMessage(5001, LogLevel.Warning, "Provenance of {Count} answers could not be written and is tried again")]
    public static partial void ProvenanceDelayed(this ILogger log, Exception error, int count);

    [LoggerMessage(5002, LogLevel.Error, "Where answer {Answer} came from is refused by the record and not kept")]
    public static partial void ProvenanceRefused(this ILogger log, Exception error, string answer);
}
