using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Storage.Leadership;
using Rag.Telemetry;

namespace Rag.Slo;

internal static class SloModule
{
    public static IServiceCollection AddSlo(this IServiceCollection services, ConfigurationSections sections)
    {
        var options = services.AddSection<SloOptions>(sections);
        services.AddSingleton<SloRecorder>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<SloRecorder>());
        services.AddSingleton<SloReport>();
        services.AddSingleton<Checklist>();
        services.AddSingleton<DeployComparer>();
        services.AddSingleton(s => new LeaderJob("clean metrics", TimeSpan.FromHours(1), async (term, ct) =>
        {
            var keep = TimeSpan.FromDays(options.KeepDays);
            await s.GetRequiredService<SloRecorder>().CleanAsync(term, keep, ct);
            await s.GetRequiredService<Replicas>().CleanAsync(term, keep, ct);
        }));
        return services;
    }
}
