using System.CommandLine;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;
using Rag.Foundation.Commands;

namespace Rag.Audit;

internal static class AuditModule
{
    public static IServiceCollection AddAudit(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSingleton<AuditTrail>();
        services.AddSingleton<DataAccessLog>();
        return services;
    }

    public static IEndpointRouteBuilder MapAudit(this IEndpointRouteBuilder routes) => routes;

    public static void AddAudit(this RootCommand root, CommandContext context) => _ = (root, context);
}
