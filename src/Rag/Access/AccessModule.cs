using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;

namespace Rag.Access;

internal static class AccessModule
{
    public static IServiceCollection AddAccess(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<AccessOptions>(sections);
        services.AddSingleton<SecurityMetrics>();
        return services;
    }
}
