using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Metrics;
using Rag.Foundation;
using Rag.Diagnosis;
using Rag.Incidents.Channels;
using Rag.Storage.Leadership;

namespace Rag.Incidents;

internal static class IncidentsModule
{
    private static readonly TimeSpan WatchEvery = TimeSpan.FromSeconds(15);

    public static IServiceCollection AddIncidents(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<IncidentsOptions>(sections);
        services.AddChannels(sections);
        services.AddSingleton(s => new CertificateSource(() => s.GetRequiredService<ContactOptions>().CertificateEnds()));
        services.AddSingleton<Escalation>();
        services.AddSingleton<Recipients>();
        services.AddSingleton<IncidentRecord>();
        services.AddSingleton<Outbox>();
        services.AddSingleton<OpenIncidents>();
        services.AddSingleton<IncidentSpool>();
        services.AddSingleton<SharedSpool>();
        services.AddSingleton<InterimIncidents>();
        services.AddSingleton<IncidentDesk>();
        services.AddSingleton<IncidentViews>();
        services.AddSingleton<Postmortem>();
        services.AddSingleton<ObjectiveWatch>();
        services.AddSingleton<IncidentMetrics>();
        services.AddSingleton<Notifier>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<Notifier>());
        services.AddSingleton(s => new LeaderJob("watch objectives", WatchEvery, (_, ct) => s.GetRequiredService<ObjectiveWatch>().RunAsync(ct)));
        // Telemetry stands above this slice and does not know of it.
        services.ConfigureOpenTelemetryMeterProvider(metrics => metrics.AddMeter(IncidentMetrics.MeterName));
        return services;
    }
}
