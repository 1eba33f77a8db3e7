using Microsoft.Extensions.Logging;

namespace Rag.Access;

internal static partial class AccessLog
{
    [LoggerMessage(2101, LogLevel.Warning, "Keys, grants and sessions cannot be read now: {Reason}")]
    public static partial void NotRead(this ILogger log, string reason);

    [LoggerMessage(2102, LogLevel.Warning, "Refusals wait to be put on the record: {Reason}")]
    public static partial void RefusalsWait(this ILogger log, string reason);

    [LoggerMessage(2103, LogLevel.Warning, "A secret of forms in the record cannot be opened with Access:SecretFile; forms that other replicas made are refused here")]
    public static partial void SecretNotOpened(this ILogger log);

    [LoggerMessage(2104, LogLevel.Warning, "{Url} is plain HTTP on an address that is not loopback: keys travel unprotected unless something before this server encrypts them")]
    public static partial void PlainHttp(this ILogger log, string url);

    [LoggerMessage(2105, LogLevel.Warning, "A token was refused: {Reason}")]
    public static partial void TokenRefused(this ILogger log, string reason);
}
