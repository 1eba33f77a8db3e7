using Microsoft.Extensions.DependencyInjection;
using Rag.Access;
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
        // Access stands above this slice, and names collections in what it shows.
        services.AddSingleton(s => new CollectionNames(
            async (name, ct) => (await s.GetRequiredService<Collections>().FindAsync(name, ct))?.Id,
            async ct => (await s.GetRequiredService<Collections>().ListAsync(ct)).ToDictionary(c => c.Id, c => c.Name)));
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
