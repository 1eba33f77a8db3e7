using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;

namespace Rag.Retrieval;

internal static class RetrievalModule
{
    public static IServiceCollection AddRetrieval(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<RetrievalOptions>(sections);
        services.AddSingleton<RetrievalMetrics>();
        services.AddSingleton<QueryEmbeddings>();
        services.AddSingleton<ISearchIndex, LocalSearchIndex>();
        services.AddSingleton<Retriever>();
        return services;
    }
}
