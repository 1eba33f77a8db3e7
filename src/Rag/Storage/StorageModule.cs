using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;
using Rag.Storage.Sqlite;

namespace Rag.Storage;

internal static class StorageModule
{
    public static IServiceCollection AddStorage(this IServiceCollection services, ConfigurationSections sections)
    {
        services.AddSection<StorageOptions>(sections);
        services.AddSingleton(s => DataDirectory.Open(s.GetRequiredService<StorageOptions>()));
        services.AddSingleton<Database, SqliteDatabase>();
        services.AddSingleton<ChangeLog>();
        return services;
    }
}
