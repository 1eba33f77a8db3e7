using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Metrics;
using Rag.Caching;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Postgres;
using Rag.Telemetry;

namespace Rag.Diagnosis;

internal static class DiagnosisModule
{
    public static IServiceCollection AddDiagnosis(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<DiagnosisOptions>(sections);
        services.AddSingleton<MemoryHistory>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<MemoryHistory>());
        services.AddSingleton(s => new CertificateSource(() => OwnCertificate.Ends(s.GetService<Microsoft.AspNetCore.Hosting.Server.IServer>())));
        services.AddSingleton<CertificateDiagnosis>();
        services.AddSingleton<CertificateWatch>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<CertificateWatch>());
        services.AddSingleton<Doctor>();
        services.AddSingleton<IDiagnosis>(s => s.GetRequiredService<StorageOptions>().Provider == "postgres"
            ? ActivatorUtilities.CreateInstance<PostgresDiagnosis>(s, s.GetRequiredService<PostgresDatabase>()) : ActivatorUtilities.CreateInstance<SqliteDiagnosis>(s));
        services.AddSingleton<IDiagnosis>(s => new CacheDiagnosis(
            s.GetRequiredService<CachingOptions>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<CacheMetrics>(), s.GetService<RedisConnection>(), s.GetService<RedisHistory>()));
        services.AddSingleton<IDiagnosis, CpuDiagnosis>();
        services.AddSingleton<IDiagnosis, MemoryDiagnosis>();
        services.AddSingleton<IDiagnosis, DiskDiagnosis>();
        services.AddSingleton<IDiagnosis>(s => s.GetRequiredService<CertificateDiagnosis>());
        services.AddSingleton<IDiagnosis, IndexDiagnosis>();
        services.AddSingleton<IDiagnosis, ModelDiagnosis>();
        services.AddSingleton<IDiagnosis>(s => new ClockDiagnosis(s.GetRequiredService<Database>(), s.GetRequiredService<TimeProvider>(), s.GetRequiredService<Replicas>()));
        services.ConfigureOpenTelemetryMeterProvider(metrics => metrics.AddMeter(CertificateWatch.MeterName));
        if (services.Any(s => s.ServiceType == typeof(RedisConnection)))
        {
            services.AddSingleton<RedisHistory>();
            services.AddSingleton<IHostedService>(s => s.GetRequiredService<RedisHistory>());
        }
        return services;
    }
}
