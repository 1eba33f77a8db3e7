using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Maintenance.Retention;
using Rag.Maintenance.Schedules;
using Rag.Storage;

namespace Rag.Maintenance;

internal static class MaintenanceModule
{
    /// <summary>When nobody is at work, most likely.</summary>
    private const string RetentionCron = "0 30 3 * * ?";

    public static IServiceCollection AddMaintenance(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<MaintenanceOptions>(sections);
        services.AddSingleton<Alertmanager>();
        services.AddSingleton<MaintenanceWindows>();
        services.AddSingleton<MaintenanceNotice>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<MaintenanceNotice>());
        services.AddSingleton<ReadOnlyMode>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<ReadOnlyMode>());
        services.AddSingleton<MaintenanceRuns>();
        services.AddSingleton<MaintenanceProcedure>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<MaintenanceProcedure>());
        services.AddSchedules();
        services.AddRetention();
        return services;
    }

    /// <summary>Makes schedules run by themselves; in a server, and not in a command.</summary>
    public static IServiceCollection AddScheduleClock(this IServiceCollection services)
    {
        services.AddSingleton<ScheduleClock>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<ScheduleClock>());
        return services;
    }

    private static void AddSchedules(this IServiceCollection services)
    {
        services.AddSingleton<ScheduleBook>();
        services.AddSingleton<ScheduleRecord>();
        services.AddSingleton<ScheduleMetrics>();
        services.AddSingleton<ScheduleRunner>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<ScheduleRunner>());
    }

    private static void AddRetention(this IServiceCollection services)
    {
        services.AddSingleton<IRetentionRule, LogRetention>();
        services.AddSingleton<IRetentionRule, AuditRetention>();
        services.AddSingleton<IRetentionRule>(s => Runs(s, "schedule-runs", "Runs of schedules", "schedule_runs", "asked_at"));
        services.AddSingleton<RetentionHoldDesk>();
        services.AddSingleton<RetentionKeeper>();
        services.AddSingleton(s => new ScheduledWork(RetentionKeeper.ScheduleName, "Remove what is kept long enough", RetentionCron, TimeSpan.FromHours(6), (run, ct) => s.GetRequiredService<RetentionKeeper>().RunAsync(run, ct)));

        static TableRetention Runs(IServiceProvider s, string name, string what, string table, string at) => new(
            s.GetRequiredService<Database>(), s.GetRequiredService<TimeProvider>(), name, what, table, "id", at, TimeSpan.FromMicroseconds(1), TimeSpan.FromDays(s.GetRequiredService<MaintenanceOptions>().Retention.RunDays), "ended_at IS NOT NULL");
    }
}
