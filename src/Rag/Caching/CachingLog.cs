using Microsoft.Extensions.Logging;

namespace Rag.Caching;

internal static partial class CachingLog
{
    [LoggerMessage(601, LogLevel.Information, "Redis answers: the cache has its second level")]
    public static partial void RedisUp(this ILogger log);

    [LoggerMessage(602, LogLevel.Warning, "Redis does not answer in time, and is left alone until it does: {Reason}")]
    public static partial void RedisDown(this ILogger log, string reason);

    [LoggerMessage(603, LogLevel.Warning, "Redis notifications cannot be subscribed to, clearings are noticed within a second instead: {Reason}")]
    public static partial void NoNotifications(this ILogger log, string reason);

    [LoggerMessage(604, LogLevel.Warning, "More deletions wait for Redis than are kept; the whole cache is cleared instead")]
    public static partial void TooManyForgotten(this ILogger log);

    [LoggerMessage(605, LogLevel.Error, "Writing to Redis failed and goes on")]
    public static partial void WriterFailed(this ILogger log, Exception error);
}
