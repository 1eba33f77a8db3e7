using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Foundation;
using Rag.Storage.Leadership;
using Rag.Storage.Postgres;
using Rag.Storage.Sqlite;

namespace Rag.Storage;

internal static class StorageModule
{
    public static IServiceCollection AddStorage(this IServiceCollection services, ConfigurationSections sections)
    {
        var options = services.AddSection<StorageOptions>(sections);
        services.AddSingleton(s => DataDirectory.Open(s.GetRequiredService<StorageOptions>()));
        services.AddSingleton<ChangeLog>();
        services.AddSingleton<RecordState>();
        if (options.Provider == "postgres") services.AddPostgres();
        else services.AddSingleton<Database, SqliteDatabase>();
        services.AddSingleton<Leader>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<Leader>());
        services.AddSingleton<LeaderJobs>();
        services.AddSingleton<Leases>();
        services.AddSingleton<Followers>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<Followers>());
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<LeaderJobs>());
        return services;
    }

    private static void AddPostgres(this IServiceCollection services)
    {
        services.AddSingleton<PostgresDatabase>();
        services.AddSingleton<Database>(s => s.GetRequiredService<PostgresDatabase>());
        services.AddSingleton<ChangeListener>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<ChangeListener>());
    }
}
