using Microsoft.Extensions.Logging;

namespace Rag.Slo;

internal static partial class SloLog
{
    [LoggerMessage(8101, LogLevel.Warning, "Counts for the objectives wait for the record: {Reason}")]
    public static partial void CountsDelayed(this ILogger log, string reason);
}
