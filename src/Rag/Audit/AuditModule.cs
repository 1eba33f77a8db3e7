using System.CommandLine;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Foundation.Commands;
using Rag.Storage;
using Spectre.Console;

namespace Rag.Audit;

internal static class AuditModule
{
    public static IServiceCollection AddAudit(this IServiceCollection services, ConfigurationSections sections)
    {
        var options = services.AddSection<AuditOptions>(sections);
        options.StorageProvider = sections.All.Select(s => s.Options).OfType<StorageOptions>().Single().Provider;
        services.AddSingleton(s => AuditKeys.Open(s.GetRequiredService<AuditOptions>(), s.GetRequiredService<DataDirectory>()));
        services.AddSingleton<AuditTrail>();
        services.AddSingleton<AccessSpool>();
        services.AddSingleton<DataAccessLog>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<DataAccessLog>());
        return services;
    }

    public static IEndpointRouteBuilder MapAudit(this IEndpointRouteBuilder routes) => routes;

    public static void AddAudit(this RootCommand root, CommandContext context)
    {
        var file = new Argument<string>("file") { Description = "Where to put it; must not exist." };
        var create = new Command("create", "Make a key file: the key that signs checkpoints and the secret that seals records.") { file };
        context.BindAlone(create, (parse, _) =>
        {
            AuditKeys.Create(parse.GetValue(file)!);
            context.Out.MarkupLineInterpolated($"Made {parse.GetValue(file)}. Name it in Audit:KeyFile on every replica, and keep a copy elsewhere: what it sealed opens with it alone.");
            return Task.FromResult(0);
        });
        root.Add(new Command("audit", "The audit record: who did what.") { new Command("key", "The key of the audit record.") { create } });
    }
}
