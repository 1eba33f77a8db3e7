using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;
using Rag.Ingestion.Parsing;
using Rag.Storage.Leadership;

namespace Rag.Ingestion;

internal static class IngestionModule
{
    public static IServiceCollection AddIngestion(this IServiceCollection services, ConfigurationSections sections)
    {
        var options = services.AddSection<IngestionOptions>(sections);
        services.AddSingleton<Collections>();
        services.AddSingleton<DocumentRecord>();
        services.AddSingleton<Library>();
        services.AddSingleton<DocumentWriter>();
        services.AddSingleton(s => new DocumentParser(options.Parsing, s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IngestionMetrics>();
        services.AddSingleton<IdempotencyKeys>();
        services.AddSingleton(s => new LeaderJob("clean idempotency keys", TimeSpan.FromHours(1), s.GetRequiredService<IdempotencyKeys>().CleanAsync));
        services.AddSingleton<Ingestor>();
        return services;
    }
}
