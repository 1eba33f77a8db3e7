using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Answering.Generation;
using Rag.Answering.Verification;
using Rag.Caching;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Maintenance.Retention;
using Rag.Storage;

namespace Rag.Answering;

internal static class AnsweringModule
{
    public static IServiceCollection AddAnswering(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSingleton<AnsweringMetrics>();
        services.AddSingleton<IHybridCacheSerializer<RenderedAnswer>, RenderedAnswerFormat>();
        services.AddSingleton<IHybridCacheSerializer<EvidenceReading>, EvidenceReadingFormat>();
        services.AddSingleton<IHybridCacheSerializer<ModelAnswer>, ModelAnswerFormat>();
        services.AddSingleton<ClaimVerifier>();
        services.AddSingleton<ClaimJudge>();
        services.AddSingleton<Generator>();
        services.AddSingleton<QuestionRewriter>();
        var options = services.AddSection<AnsweringOptions>(sections);
        services.AddSingleton<IRetentionRule>(s => new TableRetention(
            s.GetRequiredService<Database>(), s.GetRequiredService<TimeProvider>(), "provenance", "Records of where answers came from", "answers", "id", "created_at", TimeSpan.FromMicroseconds(1), options.KeepDays > 0 ? TimeSpan.FromDays(options.KeepDays) : null));
        services.AddSingleton<ProvenanceSpool>();
        services.AddSingleton<Provenance>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<Provenance>());
        services.AddSingleton<AnswerReplay>();
        services.AddSingleton(s =>
        {
            // A deleted document's words leave the cache when they leave the index.
            var cache = s.GetRequiredService<LayeredCache>();
            s.GetRequiredService<IndexEvents>().OnDocumentRemoved += (collection, document) => _ = cache.ForgetAsync(document);
            s.GetRequiredService<IndexEvents>().OnCollectionRemoved += id => _ = cache.ClearAsync();
            return ActivatorUtilities.CreateInstance<Answerer>(s);
        });
        return services;
    }
}
