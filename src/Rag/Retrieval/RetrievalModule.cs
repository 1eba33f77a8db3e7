using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;

namespace Rag.Retrieval;

internal static class RetrievalModule
{
    public static IServiceCollection AddRetrieval(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<RetrievalOptions>(sections);
        services.AddSingleton<RetrievalMetrics>();
        services.AddSingleton<IHybridCacheSerializer<CachedVector>, CachedVectorFormat>();
        services.AddSingleton<QueryEmbeddings>();
        services.AddSingleton<Retriever>();
        return services;
    }
}
