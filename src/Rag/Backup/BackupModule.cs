using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Backup.Drills;
using Rag.Backup.OffSite;
using Rag.Foundation;

namespace Rag.Backup;

internal static class BackupModule
{
    public static IServiceCollection AddBackup(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<BackupOptions>(sections);
        services.AddSingleton<BackupCatalog>();
        services.AddSingleton<FullSystem>();
        services.AddSingleton<BackupSources>();
        services.AddSingleton<BackupWriter>();
        services.AddSingleton<PartialRestore>();
        services.AddSingleton<Restorer>();
        services.AddSingleton<PointInTime>();
        services.AddSingleton<GoldenMaker>();
        services.AddSingleton<OffSiteStore>();
        services.AddSingleton<OffSiteCopies>();
        services.AddSingleton<OffSiteCopier>();
        services.AddSingleton<DrillRecord>();
        services.AddSingleton<Drill>();
        services.AddSingleton<BackupOperations>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<BackupOperations>());
        services.AddSingleton<BackupMetrics>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<BackupMetrics>());
        services.AddBackupKeeping();
        return services;
    }
}
