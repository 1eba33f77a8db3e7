using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Indexing.Postgres;
using Rag.Storage.Leadership;

namespace Rag.Indexing;

internal static class IndexingModule
{
    public static IServiceCollection AddIndexing(this IServiceCollection services, ConfigurationSections sections)
    {
        var options = services.AddSection<IndexingOptions>(sections);
        options.StorageProvider = sections.All.Select(s => s.Options).OfType<Storage.StorageOptions>().Single().Provider;
        services.AddSingleton<IndexLoader>();
        services.AddSingleton<IndexEvents>();
        services.AddSingleton<IndexVerifier>();
        services.AddSingleton<CollectionCatalog>();
        if (options.Engine == IndexingOptions.Postgres) services.AddPostgresIndex();
        else services.AddLocalIndex();
        services.AddSingleton<IHostedService>(s => (IHostedService)s.GetRequiredService<IIndexer>());
        services.AddSingleton<EmbeddingClaims>();
        services.AddSingleton<EmbeddingWorker>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<EmbeddingWorker>());
        services.AddSingleton(s => new LeaderJob("forget vectors of other models", TimeSpan.FromHours(1), s.GetRequiredService<EmbeddingWorker>().ForgetOtherModelsAsync));
        services.AddSingleton(s => new LeaderJob("clean embedding claims", TimeSpan.FromHours(1), s.GetRequiredService<EmbeddingClaims>().CleanAsync));
        return services;
    }

    private static void AddLocalIndex(this IServiceCollection services)
    {
        services.AddSingleton<IndexStore>();
        services.AddSingleton<IIndexer, Indexer>();
        services.AddSingleton<IIndexContents, LocalIndexContents>();
    }

    private static void AddPostgresIndex(this IServiceCollection services)
    {
        services.AddSingleton<PostgresIndexer>();
        services.AddSingleton<IIndexer>(s => s.GetRequiredService<PostgresIndexer>());
        services.AddSingleton<IIndexContents, PostgresIndexContents>();
    }
}
