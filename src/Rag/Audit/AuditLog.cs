using Microsoft.Extensions.Logging;

namespace Rag.Audit;

internal static partial class AuditLog
{
    [LoggerMessage(1101, LogLevel.Warning, "The record does not take data access now: it waits in {Directory}")]
    public static partial void AccessesSpooled(this ILogger log, string directory);

    [LoggerMessage(1102, LogLevel.Information, "{Count} records of data access that waited on disk are in the record now")]
    public static partial void AccessesReplayed(this ILogger log, int count);

    [LoggerMessage(1103, LogLevel.Error, "{Count} records of data access are lost: {Reason}")]
    public static partial void AccessesDropped(this ILogger log, int count, string reason);

    [LoggerMessage(1104, LogLevel.Warning, "Data access could not be written and waits: {Reason}")]
    public static partial void AccessesDelayed(this ILogger log, string reason);

    [LoggerMessage(1105, LogLevel.Error, "{Count} accesses came faster than they could be noted; the record says how many")]
    public static partial void AccessesUnnoted(this ILogger log, long count);

    [LoggerMessage(1106, LogLevel.Error, "Checkpoints of the audit record are not copied outside: {Reason}")]
    public static partial void CheckpointNotCopied(this ILogger log, string reason);

    [LoggerMessage(1107, LogLevel.Information, "Checkpoints of the audit record are copied outside again")]
    public static partial void CheckpointCopied(this ILogger log);

    [LoggerMessage(1108, LogLevel.Error, "The audit record is not what was signed, and nothing more of it is signed: {Reason}")]
    public static partial void TreeRefused(this ILogger log, string reason);

    [LoggerMessage(1109, LogLevel.Error, "{Count} rows of the audit record were not written by this service; they are left out of the tree, and 'rag audit verify' shows them")]
    public static partial void ForgedRecords(this ILogger log, int count);
}
