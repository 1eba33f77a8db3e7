using Microsoft.Extensions.Logging;

namespace Rag.Maintenance;

internal static partial class MaintenanceLog
{
    [LoggerMessage(1301, LogLevel.Warning, "Read-only mode ended by itself, for its time was over: {Reason}")]
    public static partial void ReadOnlyRanOut(this ILogger log, string reason);

    [LoggerMessage(1302, LogLevel.Warning, "The time of read-only mode is over, and it could not be ended yet: {Reason}")]
    public static partial void ReadOnlyNotEnded(this ILogger log, string reason);

    [LoggerMessage(1303, LogLevel.Warning, "What the database refused was not what the record says of read-only mode, and is now")]
    public static partial void ReadOnlyMended(this ILogger log);

    [LoggerMessage(1304, LogLevel.Information, "The maintenance run {Run} goes on at the step {Step}")]
    public static partial void MaintenanceGoesOn(this ILogger log, string run, string step);

    [LoggerMessage(1305, LogLevel.Information, "The maintenance run {Run} is done, and writes are taken again")]
    public static partial void MaintenanceDone(this ILogger log, string run);

    [LoggerMessage(1306, LogLevel.Error, "The maintenance run {Run} was undone, and writes are taken again: {Problem}")]
    public static partial void MaintenanceUndone(this ILogger log, string run, string problem);

    [LoggerMessage(1307, LogLevel.Warning, "The maintenance run {Run} could not be looked after and is tried again: {Reason}")]
    public static partial void MaintenanceWaits(this ILogger log, string run, string reason);

    [LoggerMessage(1308, LogLevel.Information, "The schedule {Schedule} ran in {Seconds:F1} s: {Detail}")]
    public static partial void ScheduleRan(this ILogger log, string schedule, double seconds, string detail);

    [LoggerMessage(1309, LogLevel.Error, "The schedule {Schedule} failed: {Reason}")]
    public static partial void ScheduleFailed(this ILogger log, Exception error, string schedule, string reason);

    [LoggerMessage(1310, LogLevel.Warning, "A run of the schedule {Schedule} was interrupted")]
    public static partial void ScheduleInterrupted(this ILogger log, string schedule);

    [LoggerMessage(1311, LogLevel.Warning, "Schedules could not be looked after and are tried again: {Reason}")]
    public static partial void SchedulesWait(this ILogger log, string reason);

    [LoggerMessage(1312, LogLevel.Warning, "The run of the schedule {Schedule} that was due at {Planned} was missed and is caught up")]
    public static partial void ScheduleCaughtUp(this ILogger log, string schedule, DateTimeOffset planned);
}
