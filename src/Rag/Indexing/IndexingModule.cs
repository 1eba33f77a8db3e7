using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;

namespace Rag.Indexing;

internal static class IndexingModule
{
    public static IServiceCollection AddIndexing(this IServiceCollection services)
    {
        services.AddSingleton<IndexStore>();
        services.AddSingleton<IndexLoader>();
        services.AddSingleton<IndexEvents>();
        services.AddSingleton<IndexVerifier>();
        services.AddSingleton<CollectionCatalog>();
        services.AddSingleton<Indexer>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<Indexer>());
        services.AddHostedService<EmbeddingWorker>();
        return services;
    }
}
