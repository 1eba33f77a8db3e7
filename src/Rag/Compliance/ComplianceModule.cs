using System.CommandLine;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;
using Rag.Foundation.Commands;

namespace Rag.Compliance;

internal static class ComplianceModule
{
    public static IServiceCollection AddCompliance(this IServiceCollection services, ConfigurationSections sections)
    {
        _ = sections;
        return services;
    }

    public static IEndpointRouteBuilder MapCompliance(this IEndpointRouteBuilder routes) => routes;

    public static void AddCompliance(this RootCommand root, CommandContext context) => _ = (root, context);
}
