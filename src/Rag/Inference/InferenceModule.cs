using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;

namespace Rag.Inference;

internal static class InferenceModule
{
    /// <summary>A model that is missing or broken is no error: retrieval is then lexical, and the status says why.</summary>
    public static IServiceCollection AddInference(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<InferenceOptions>(sections);
        services.AddSingleton<Embedder>();
        return services;
    }
}
