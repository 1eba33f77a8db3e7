using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Access;
using Rag.Diagnosis;
using Rag.Foundation;
using Rag.Maintenance.Retention;
using Rag.Security.Advisories;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Security;

internal static class SecurityModule
{
    private static readonly TimeSpan ExpireEvery = TimeSpan.FromHours(6), ScanEvery = TimeSpan.FromHours(24);

    public static IServiceCollection AddSecurity(this IServiceCollection services, ConfigurationSections sections)
    {
        var options = services.AddSection<SecurityOptions>(sections);
        services.AddSingleton<Scores>();
        services.AddSingleton<SecurityRecord>();
        services.AddSingleton<SecurityEventLog>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<SecurityEventLog>());
        services.AddSingleton<SecurityWatch>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<SecurityWatch>());
        services.AddSingleton<Canaries>();
        services.AddSingleton<AccessWatch>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<AccessWatch>());
        services.AddSingleton(s => new CertificateSource(() => CertificateSource.Of("oidc", s.GetRequiredService<AccessOptions>().Oidc.Authority)));
        services.AddSingleton(new CertificateSource(() => CertificateSource.Of("advisories", options.Advisories.Url)));
        services.AddSingleton<Certificates>();
        services.AddSingleton<Inventory>();
        services.AddSingleton<Sbom>();
        services.AddSingleton<AdvisorySource>();
        services.AddSingleton<AdvisoryScan>();
        services.AddSingleton<IRetentionRule>(s => new TableRetention(
            s.GetRequiredService<Database>(), s.GetRequiredService<TimeProvider>(), "security-events", "What looked like an attack, or unusual", "security_events", "id", "last_at", TimeSpan.FromMicroseconds(1), TimeSpan.FromDays(options.KeepDays)));
        services.AddSingleton(s => new LeaderJob("forget old scans and profiles", ExpireEvery, s.GetRequiredService<SecurityRecord>().ExpireAsync));
        if (options.Advisories.Configured) services.AddSingleton(s => new LeaderJob("scan dependencies", ScanEvery, (_, ct) => s.GetRequiredService<AdvisoryScan>().RunAsync(ct)));
        return services;
    }
}
