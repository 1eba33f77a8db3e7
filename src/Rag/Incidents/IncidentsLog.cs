using Microsoft.Extensions.Logging;

namespace Rag.Incidents;

internal static partial class IncidentsLog
{
    [LoggerMessage(8201, LogLevel.Warning, "The record is away: incidents are kept in {Path} until it is back")]
    public static partial void IncidentsSpooled(this ILogger log, string path);

    [LoggerMessage(8202, LogLevel.Warning, "{Path} has {Count} lines that were cut short; they were never acknowledged and are left out")]
    public static partial void IncidentSpoolBroken(this ILogger log, string path, int count);

    [LoggerMessage(8203, LogLevel.Warning, "Redis does not take part in sharing incidents while the record is away: {Reason}")]
    public static partial void SharedSpoolFailed(this ILogger log, string reason);

    [LoggerMessage(8204, LogLevel.Warning, "The record does not take incidents now, which are kept beside it: {Reason}")]
    public static partial void RecordAwayForIncidents(this ILogger log, string reason);

    [LoggerMessage(8205, LogLevel.Warning, "Notifications wait: {Reason}")]
    public static partial void NotifierWaits(this ILogger log, string reason);

    [LoggerMessage(8206, LogLevel.Error, "A pass over the incidents failed and is made again")]
    public static partial void NotifierFailed(this ILogger log, Exception error);

    [LoggerMessage(8207, LogLevel.Information, "{Incident}: {Role} was told by {Channel} ({Step})")]
    public static partial void NotificationSent(this ILogger log, string incident, string step, string role, string channel);

    [LoggerMessage(8208, LogLevel.Warning, "{Incident}: {Role} could not be told by {Channel} ({Step}): {Reason}")]
    public static partial void NotificationNotSent(this ILogger log, string incident, string step, string role, string channel, string reason);

    [LoggerMessage(8209, LogLevel.Error, "Notifications by {Channel} do not arrive: {Reason}")]
    public static partial void ChannelFails(this ILogger log, string channel, string reason);

    [LoggerMessage(8210, LogLevel.Warning, "{Incident} ({Severity}) is open, and nobody is told: no channel serves a role of its ladder")]
    public static partial void NobodyIsTold(this ILogger log, string incident, string severity);
}
