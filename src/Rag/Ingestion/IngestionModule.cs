using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;
using Rag.Ingestion.Parsing;

namespace Rag.Ingestion;

internal static class IngestionModule
{
    public static IServiceCollection AddIngestion(this IServiceCollection services, ConfigurationSections sections)
    {
        var options = services.AddSection<IngestionOptions>(sections);
        services.AddSingleton<Collections>();
        services.AddSingleton<DocumentRecord>();
        services.AddSingleton<DocumentWriter>();
        services.AddSingleton(s => new DocumentParser(options.Parsing, s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IngestionMetrics>();
        services.AddSingleton<IdempotencyKeys>();
        services.AddSingleton<Ingestor>();
        return services;
    }
}
