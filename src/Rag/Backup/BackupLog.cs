using Microsoft.Extensions.Logging;

namespace Rag.Backup;

internal static partial class BackupLog
{
    [LoggerMessage(1801, LogLevel.Information, "The backup {Id} ({Kind}) is whole: {Rows} rows, {Bytes} bytes")]
    public static partial void BackupMade(this ILogger log, string id, string kind, long rows, long bytes);

    [LoggerMessage(1802, LogLevel.Information, "The backup {Id} was interrupted with {Parts} whole parts and is gone on with")]
    public static partial void BackupResumed(this ILogger log, string id, int parts);

    [LoggerMessage(1803, LogLevel.Error, "The backup {Id} failed")]
    public static partial void BackupFailed(this ILogger log, Exception error, string id);

    [LoggerMessage(1804, LogLevel.Warning, "The backup {Id} was put back: the record is as it was at position {Position}")]
    public static partial void BackupRestored(this ILogger log, string id, long position);

    [LoggerMessage(1805, LogLevel.Error, "The operation {What} on backups failed")]
    public static partial void OperationFailed(this ILogger log, Exception error, string what);
}
