using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;

namespace Rag.Maintenance;

internal static class MaintenanceModule
{
    public static IServiceCollection AddMaintenance(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<MaintenanceOptions>(sections);
        services.AddSingleton<Alertmanager>();
        services.AddSingleton<MaintenanceWindows>();
        services.AddSingleton<MaintenanceNotice>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<MaintenanceNotice>());
        return services;
    }
}
