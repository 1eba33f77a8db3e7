using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;

namespace Rag.Caching;

internal static class CachingModule
{
    public static IServiceCollection AddCaching(this IServiceCollection services, ConfigurationSections sections)
    {
        var options = services.AddSection<CachingOptions>(sections);
        services.AddMemoryCache(memory => memory.SizeLimit = options.SizeMb * 1024L * 1024);
        services.AddHybridCache(hybrid =>
        {
            hybrid.MaximumKeyLength = 256;
            hybrid.DefaultEntryOptions = new HybridCacheEntryOptions { Expiration = TimeSpan.FromMinutes(options.LifetimeMinutes) };
        });
        services.AddSingleton<CacheMetrics>();
        services.AddSingleton<LayeredCache>();
        return services;
    }
}
