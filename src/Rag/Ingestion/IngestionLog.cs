using Microsoft.Extensions.Logging;

namespace Rag.Ingestion;

internal static partial class IngestionLog
{
    [LoggerMessage(2001, LogLevel.Debug, "Refused {Uri}: {Reason}: {Message}")]
    public static partial void FileRefused(this ILogger log, string uri, string reason, string message);
}
