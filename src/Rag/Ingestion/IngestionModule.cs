using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;

namespace Rag.Ingestion;

internal static class IngestionModule
{
    public static IServiceCollection AddIngestion(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<IngestionOptions>(sections);
        services.AddSingleton<Collections>();
        services.AddSingleton<DocumentRecord>();
        services.AddSingleton<DocumentWriter>();
        services.AddSingleton<DocumentIntake>();
        return services;
    }
}
