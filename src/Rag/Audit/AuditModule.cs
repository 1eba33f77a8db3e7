using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Metrics;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

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
        services.AddSingleton<AuditMetrics>();
        services.AddSingleton<CheckpointCopies>();
        services.AddSingleton<AuditTree>();
        services.AddSingleton<AuditKeeping>();
        services.AddSingleton<AuditQuery>();
        services.AddSingleton<AuditSummary>();
        services.AddSingleton<AuditExport>();
        services.AddSingleton<AuditVerifier>();
        services.AddSingleton<DataAccessLog>();
        // What was shown is written before what is written is signed, at the stop too, which goes from the last to the first.
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<AuditTree>());
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<DataAccessLog>());
        services.AddSingleton(s => new LeaderJob("sign the audit record", AuditTree.Every, (term, ct) => s.GetRequiredService<AuditTree>().RunAsync(term, sign: false, ct)));
        services.AddSingleton(s => new LeaderJob("keep audit segments", AuditKeeping.Every, s.GetRequiredService<AuditKeeping>().CloseDueAsync));
        // Telemetry stands above this slice and does not know of it.
        services.ConfigureOpenTelemetryMeterProvider(metrics => metrics.AddMeter(AuditMetrics.MeterName));
        return services;
    }
}
