using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Maintenance.Retention;
using Rag.Storage;
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
        services.AddSingleton(s => new LeaderJob("forget replicas", TimeSpan.FromHours(1), s.GetRequiredService<Replicas>().ForgetAsync));
        services.AddMinutes("objective-minutes", "Counts of the objectives by the minute", "slo_minutes", options);
        services.AddMinutes("replica-minutes", "What replicas used by the minute", "replica_minutes", options);
        return services;
    }

    private static void AddMinutes(this IServiceCollection services, string name, string what, string table, SloOptions options) => services.AddSingleton<IRetentionRule>(s => new TableRetention(
        s.GetRequiredService<Database>(), s.GetRequiredService<TimeProvider>(), name, what, table, "minute", "minute", TimeSpan.FromMinutes(1), TimeSpan.FromDays(options.KeepDays)));
}
