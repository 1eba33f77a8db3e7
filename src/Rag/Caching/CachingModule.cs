using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;

namespace Rag.Caching;

internal static class CachingModule
{
    public static IServiceCollection AddCaching(this IServiceCollection services, ConfigurationSections sections)
    {
        var options = services.AddSection<CachingOptions>(sections);
        services.AddMemoryCache(memory =>
        {
            memory.SizeLimit = options.SizeMb * 1024L * 1024;
            memory.TrackStatistics = true;
        });
        services.AddHybridCache(hybrid =>
        {
            hybrid.MaximumKeyLength = 256;
            hybrid.DefaultEntryOptions = new HybridCacheEntryOptions { Expiration = TimeSpan.FromMinutes(options.LifetimeMinutes) };
        });
        services.AddSingleton<CacheMetrics>();
        services.AddSingleton<CacheGeneration>();
        services.AddSingleton<LayeredCache>();
        services.AddSingleton<CacheOperations>();
        if (!options.Redis.Configured) return services;
        services.AddSingleton<RedisConnection>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<RedisConnection>());
        services.AddSingleton<RedisWriter>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<RedisWriter>());
        services.AddSingleton<IDistributedCache, RedisCache>();
        return services;
    }
}
