using System.CommandLine;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;
using Rag.Foundation.Commands;

namespace Rag.Security;

internal static class SecurityModule
{
    public static IServiceCollection AddSecurity(this IServiceCollection services, ConfigurationSections sections)
    {
        _ = sections;
        return services;
    }

    public static IEndpointRouteBuilder MapSecurity(this IEndpointRouteBuilder routes) => routes;

    public static void AddSecurity(this RootCommand root, CommandContext context) => _ = (root, context);
}
