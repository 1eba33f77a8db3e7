using System.CommandLine;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;
using Rag.Foundation.Commands;

namespace Rag.Access;

internal static class AccessModule
{
    public static IServiceCollection AddAccess(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<AccessOptions>(sections);
        services.AddSingleton<SecurityFeed>();
        services.AddSingleton<SecurityMetrics>();
        return services;
    }

    public static IEndpointRouteBuilder MapAccess(this IEndpointRouteBuilder routes) => routes;

    public static void AddAccess(this RootCommand root, CommandContext context) => _ = (root, context);
}
