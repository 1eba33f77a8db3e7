using Quartz;
using Rag.Foundation;
using Rag.Maintenance.Schedules;

namespace Rag.Maintenance;

/// <summary>Section <c>Maintenance</c>.</summary>
internal sealed class MaintenanceOptions : IValidatedOptions
{
    public string Section => "Maintenance";

    /// <summary>Where Alertmanager's interface is, such as http://127.0.0.1:9093; empty: announcing silences nothing.</summary>
    public string AlertmanagerUrl { get; set; } = "";

    public RetentionOptions Retention { get; set; } = new();

    /// <summary>When schedules run, by their names, in Quartz's notation and UTC, or <c>off</c>; those that are not named run when the release says.</summary>
    public Dictionary<string, string> Schedules { get; set; } = [];

    public IEnumerable<ConfigurationError> Validate()
    {
        if (AlertmanagerUrl.Length > 0 && !(Uri.TryCreate(AlertmanagerUrl, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"))
            yield return new("Maintenance:AlertmanagerUrl", $"'{AlertmanagerUrl}' is not an address", "write it as http://127.0.0.1:9093, or leave it empty");
        foreach (var (name, cron) in Schedules)
            if (cron != ScheduleBook.Off && !CronExpression.TryParse(cron, out _)) yield return new($"Maintenance:Schedules:{name}", $"'{cron}' is not a time in Quartz's notation", "write it as second minute hour day month weekday, such as '0 30 3 * * ?', or off");
        foreach (var error in Retention.Validate()) yield return error;
    }
}

/// <summary>Section <c>Maintenance:Retention</c>: the runbook's periods that are this slice's to keep.</summary>
internal sealed class RetentionOptions
{
    /// <summary>Folder whose log files are removed when they are old; empty: what takes the log from standard output removes it.</summary>
    public string LogDirectory { get; set; } = "";

    /// <summary>How long log files are kept, days.</summary>
    public int LogDays { get; set; } = 30;

    /// <summary>How long all backups are kept, days; then one of each week.</summary>
    public int BackupAllDays { get; set; } = 14;

    /// <summary>How long one backup of each week is kept, days; then one of each month.</summary>
    public int BackupWeeklyDays { get; set; } = 92;

    /// <summary>How long one backup of each month is kept, days.</summary>
    public int BackupDays { get; set; } = 365;

    /// <summary>How long runs of schedules are kept, days; runs of the maintenance procedure are few, and stay.</summary>
    public int RunDays { get; set; } = 365;

    public IEnumerable<ConfigurationError> Validate()
    {
        if (LogDays is < 1 or > 36_500) yield return new("Maintenance:Retention:LogDays", $"{LogDays} is out of range", "choose 1 to 36500");
        if (LogDirectory.Length > 0 && !Path.IsPathFullyQualified(LogDirectory)) yield return new("Maintenance:Retention:LogDirectory", $"'{LogDirectory}' is not a whole path", "write it from the root, or leave it empty");
        if (BackupAllDays is < 1 or > 36_500) yield return new("Maintenance:Retention:BackupAllDays", $"{BackupAllDays} is out of range", "choose 1 to 36500");
        if (BackupWeeklyDays < BackupAllDays || BackupWeeklyDays > 36_500) yield return new("Maintenance:Retention:BackupWeeklyDays", $"{BackupWeeklyDays} is out of range", $"choose {BackupAllDays} (BackupAllDays) to 36500");
        if (BackupDays < BackupWeeklyDays || BackupDays > 36_500) yield return new("Maintenance:Retention:BackupDays", $"{BackupDays} is out of range", $"choose {BackupWeeklyDays} (BackupWeeklyDays) to 36500");
        if (RunDays is < 1 or > 36_500) yield return new("Maintenance:Retention:RunDays", $"{RunDays} is out of range", "choose 1 to 36500");
    }

    public Retention.BackupThinning Thinning => new(BackupAllDays, BackupWeeklyDays, BackupDays);
}
