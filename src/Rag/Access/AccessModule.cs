using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Storage.Leadership;

namespace Rag.Access;

internal static class AccessModule
{
    public static IServiceCollection AddAccess(this IServiceCollection services, ConfigurationSections sections)
    {
        var options = services.AddSection<AccessOptions>(sections);
        services.AddSingleton<SecurityFeed>();
        services.AddSingleton<SecurityMetrics>();
        services.AddSingleton<FormSecrets>();
        services.AddSingleton<IDataProtectionProvider>(s => s.GetRequiredService<FormSecrets>());
        services.AddSingleton<AccessDirectory>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<AccessDirectory>());
        services.AddSingleton<AccessChanges>();
        services.AddSingleton<Grants>();
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<Sessions>();
        services.AddSingleton<OwnKeys>();
        services.AddSingleton<Authenticator>();
        services.AddSingleton<Gate>();
        services.AddSingleton<LastUse>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<LastUse>());
        services.AddSingleton<RequestLimits>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<RequestLimits>());
        services.AddSingleton<Refusals>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<Refusals>());
        services.AddSingleton(s => new LeaderJob("clean sessions", TimeSpan.FromHours(1), s.GetRequiredService<Sessions>().CleanAsync));
        services.AddSingleton(s => new LeaderJob("clean question counts", TimeSpan.FromHours(24), s.GetRequiredService<RequestLimits>().CleanAsync));
        services.AddSingleton(s => new LeaderJob("renew secrets of forms", TimeSpan.FromHours(24), (_, ct) => s.GetRequiredService<FormSecrets>().EnsureAsync(ct)));
        if (options is { IsOpen: false, Oidc.Configured: true }) services.AddSingleSignOn(options);
        return services;
    }
}
