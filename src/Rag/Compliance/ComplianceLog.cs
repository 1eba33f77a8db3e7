using Microsoft.Extensions.Logging;

namespace Rag.Compliance;

internal static partial class ComplianceLog
{
    [LoggerMessage(1901, LogLevel.Warning, "Section {Section} of the report of {Month} could not be made")]
    public static partial void SectionFailed(this ILogger log, Exception error, string section, string month);
}
