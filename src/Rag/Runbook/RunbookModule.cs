using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;
using Rag.Maintenance.Retention;

namespace Rag.Runbook;

internal static class RunbookModule
{
    public static IServiceCollection AddRunbook(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<RunbookOptions>(sections);
        services.AddSingleton(_ => new RunbookText());
        services.AddSingleton<RunbookRecord>();
        services.AddSingleton<ProductCommands>();
        services.AddSingleton<RunbookSteps>();
        services.AddSingleton<IRetentionRule, RunbookRetention>();
        return services;
    }
}
