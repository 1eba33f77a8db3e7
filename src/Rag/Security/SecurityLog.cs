using Microsoft.Extensions.Logging;

namespace Rag.Security;

internal static partial class SecurityLog
{
    // One line for a caller, a pattern and a minute, without anything that was sent.
    [LoggerMessage(8401, LogLevel.Warning, "Looks like an attack: {Pattern} by {Caller} in a {Place}")]
    public static partial void SecurityEventSeen(this ILogger log, string pattern, string caller, string place);

    [LoggerMessage(8402, LogLevel.Warning, "Security events wait to be written: {Reason}")]
    public static partial void SecurityEventsWait(this ILogger log, string reason);

    [LoggerMessage(8403, LogLevel.Error, "Something could not be looked at for attacks")]
    public static partial void NotLookedAt(this ILogger log, Exception error);

    [LoggerMessage(8404, LogLevel.Warning, "Scan of dependencies: {Result}. {Why}")]
    public static partial void Scanned(this ILogger log, string result, string why);

    [LoggerMessage(8405, LogLevel.Warning, "Who reads what is not compared with before: {Reason}")]
    public static partial void ProfilesWait(this ILogger log, string reason);
}
