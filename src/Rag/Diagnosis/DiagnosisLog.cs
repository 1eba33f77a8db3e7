using Microsoft.Extensions.Logging;

namespace Rag.Diagnosis;

internal static partial class DiagnosisLog
{
    [LoggerMessage(8301, LogLevel.Warning, "The area {Area} could not be looked at")]
    public static partial void Undiagnosed(this ILogger log, string area, Exception error);

    [LoggerMessage(8302, LogLevel.Warning, "Redis was emptied: {How}; about {Keys} keys were there before")]
    public static partial void RedisEmptied(this ILogger log, string how, long keys);
}
