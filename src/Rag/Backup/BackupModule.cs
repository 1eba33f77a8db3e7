using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
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
        services.AddSingleton<BackupOperations>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<BackupOperations>());
        services.AddBackupKeeping();
        return services;
    }
}
