using Quartz;
using Rag.Foundation;
using Rag.Storage.Leadership;

namespace Rag.Maintenance.Schedules;

/// <summary>Work that the service does by itself at set times; slices register theirs.</summary>
/// <param name="Name">One word, or several with hyphens: in commands, configuration and metrics.</param>
/// <param name="What">What it does, in a few words.</param>
/// <param name="Cron">When, in Quartz's notation (second minute hour day month weekday), in UTC; <c>Maintenance:Schedules</c> may say otherwise.</param>
/// <param name="Limit">How long it may take.</param>
/// <param name="RunAsync">Does it, and says what it did in a sentence. May be cut short at any moment and done again.</param>
internal sealed record ScheduledWork(string Name, string What, string Cron, TimeSpan Limit, Func<ScheduledRun, CancellationToken, Task<string>> RunAsync);

/// <summary>A run as the work sees it.</summary>
/// <param name="Id">Of the run: what it leaves behind is found by it.</param>
/// <param name="Term">What it writes to the record goes through it.</param>
internal sealed record ScheduledRun(string Id, LeaderTerm Term);

/// <param name="Cron">Null where it is turned off.</param>
internal sealed record Schedule(ScheduledWork Work, CronExpression? Cron)
{
    public DateTimeOffset? NextAfter(DateTimeOffset at) => Cron?.GetNextValidTimeAfter(at);

    /// <summary>The last time at which it was due, that moment included.</summary>
    public DateTimeOffset? LastAt(DateTimeOffset at) => Cron?.GetPreviousValidTimeBefore(at.AddMilliseconds(1));
}

/// <summary>The schedules of this release with the times that the configuration gives them.</summary>
internal sealed class ScheduleBook
{
    public const string Off = "off";

    public ScheduleBook(IEnumerable<ScheduledWork> works, MaintenanceOptions options)
    {
        var byName = works.ToDictionary(w => w.Name);
        var unknown = options.Schedules.Keys.Where(n => !byName.ContainsKey(n)).Select(n => new ConfigurationError($"Maintenance:Schedules:{n}", "is not a schedule of this release", $"use one of {string.Join(", ", byName.Keys.Order())}")).ToList();
        if (unknown.Count > 0) throw new ConfigurationException(unknown);
        All = [.. byName.Values.OrderBy(w => w.Name, StringComparer.Ordinal).Select(w => new Schedule(w, Parse(options.Schedules.GetValueOrDefault(w.Name, w.Cron))))];
    }

    public IReadOnlyList<Schedule> All { get; }

    /// <exception cref="RagException">NotFound.</exception>
    public Schedule Get(string name) => All.FirstOrDefault(s => s.Work.Name == name) ?? throw new RagException(ErrorKind.NotFound, $"There is no schedule '{name}'.", $"The schedules are {string.Join(", ", All.Select(s => s.Work.Name))}.");

    private static CronExpression? Parse(string cron) => cron == Off ? null : CronExpression.Parse(cron).WithTimeZone(TimeZoneInfo.Utc);
}
