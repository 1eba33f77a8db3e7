using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;
using Rag.Inference.Generation;

namespace Rag.Inference;

internal static class InferenceModule
{
    /// <summary>A model that is missing or broken is no error: retrieval is then lexical, and the status says why.</summary>
    public static IServiceCollection AddInference(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<InferenceOptions>(sections);
        services.AddSingleton<Embedder>();
        var generation = services.AddSection<GenerationOptions>(sections);
        generation.QuestionTimeoutMs = sections.All.Select(s => s.Options).OfType<ServerOptions>().Single().QuestionTimeoutMs;
        services.AddSingleton<LanguageModel>();
        if (generation.Configured) services.AddHostedService<LanguageModelWatch>();
        return services;
    }
}
