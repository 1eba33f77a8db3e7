using Microsoft.Extensions.Logging;

namespace Rag.Storage;

internal static partial class StorageLog
{
    [LoggerMessage(1001, LogLevel.Warning, "Announcements of changes are lost and asked for again; changes are found by polling meanwhile: {Reason}")]
    public static partial void ListenerLost(this ILogger log, string reason);
}
