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

    [LoggerMessage(1806, LogLevel.Information, "The backup {Id} was copied to {Location} and read back: {Bytes} bytes")]
    public static partial void BackupCopied(this ILogger log, string id, string location, long bytes);

    [LoggerMessage(1807, LogLevel.Warning, "The file {File} is sent off-site again: {Why}")]
    public static partial void CopyTriedAgain(this ILogger log, string file, string why);

    [LoggerMessage(1808, LogLevel.Warning, "The copy of {Id} off-site was read back otherwise than it was sent ({What}, {Files} files) and is sent again")]
    public static partial void CopyWrong(this ILogger log, string id, string what, int files);

    [LoggerMessage(1809, LogLevel.Error, "The backup {Id} could not be copied off-site")]
    public static partial void CopyFailed(this ILogger log, Exception error, string id);

    [LoggerMessage(1810, LogLevel.Information, "The drill {Drill} of the backup {Id} passed: restored and asked within {Seconds} s")]
    public static partial void DrillPassed(this ILogger log, string drill, string id, double seconds);

    [LoggerMessage(1811, LogLevel.Error, "The drill {Drill} of the backup {Id} did not pass: {Problem}")]
    public static partial void DrillNotPassed(this ILogger log, string drill, string id, string problem);
}
