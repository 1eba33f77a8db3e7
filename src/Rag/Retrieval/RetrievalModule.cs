using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Retrieval.Postgres;

namespace Rag.Retrieval;

internal static class RetrievalModule
{
    public static IServiceCollection AddRetrieval(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<RetrievalOptions>(sections);
        services.AddSingleton<RetrievalMetrics>();
        services.AddSingleton<IHybridCacheSerializer<CachedVector>, CachedVectorFormat>();
        services.AddSingleton<QueryEmbeddings>();
        if (sections.All.Select(s => s.Options).OfType<IndexingOptions>().Single().Engine == IndexingOptions.Postgres) services.AddSingleton<ISearchIndex, PostgresSearchIndex>();
        else services.AddSingleton<ISearchIndex, LocalSearchIndex>();
        services.AddSingleton<Retriever>();
        services.AddSingleton<PassageSearch>();
        return services;
    }
}
