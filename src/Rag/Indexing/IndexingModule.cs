using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Storage.Leadership;

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
        services.AddSingleton<EmbeddingClaims>();
        services.AddSingleton<EmbeddingWorker>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<EmbeddingWorker>());
        services.AddSingleton(s => new LeaderJob("forget vectors of other models", TimeSpan.FromHours(1), s.GetRequiredService<EmbeddingWorker>().ForgetOtherModelsAsync));
        services.AddSingleton(s => new LeaderJob("clean embedding claims", TimeSpan.FromHours(1), s.GetRequiredService<EmbeddingClaims>().CleanAsync));
        return services;
    }
}
