using Microsoft.Extensions.Logging;

namespace Rag.Storage;

internal static partial class StorageLog
{
    [LoggerMessage(1001, LogLevel.Warning, "Announcements of changes are lost and asked for again; changes are found by polling meanwhile: {Reason}")]
    public static partial void ListenerLost(this ILogger log, string reason);

    [LoggerMessage(1002, LogLevel.Information, "This process leads now, in term {Epoch}: it runs the scheduled work")]
    public static partial void LeadershipTaken(this ILogger log, long epoch);

    [LoggerMessage(1003, LogLevel.Warning, "Another process leads now")]
    public static partial void LeadershipLost(this ILogger log);

    [LoggerMessage(1004, LogLevel.Warning, "The leader's lease could not be taken or renewed: {Reason}")]
    public static partial void LeaseNotRenewed(this ILogger log, string reason);

    [LoggerMessage(1005, LogLevel.Warning, "The scheduled work {Job} was refused in term {Epoch}, which is over")]
    public static partial void JobRefused(this ILogger log, string job, long epoch);

    [LoggerMessage(1006, LogLevel.Error, "The scheduled work {Job} failed and is tried again")]
    public static partial void JobFailed(this ILogger log, Exception error, string job);
}
