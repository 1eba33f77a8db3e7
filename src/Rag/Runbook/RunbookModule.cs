using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;
using Rag.Storage.Leadership;

namespace Rag.Runbook;

internal static class RunbookModule
{
    public static IServiceCollection AddRunbook(this IServiceCollection services, ConfigurationSections sections)
    {
        var options = services.AddSection<RunbookOptions>(sections);
        services.AddSingleton(_ => new RunbookText());
        services.AddSingleton<RunbookRecord>();
        services.AddSingleton<ProductCommands>();
        services.AddSingleton<RunbookSteps>();
        services.AddSingleton(s => new LeaderJob("clean runbook runs", TimeSpan.FromHours(24), (term, ct) => s.GetRequiredService<RunbookRecord>().CleanAsync(term, TimeSpan.FromDays(options.KeepDays), ct)));
        return services;
    }
}
