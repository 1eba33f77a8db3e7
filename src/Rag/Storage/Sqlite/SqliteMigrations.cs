using FluentMigrator.Runner;
using Microsoft.Extensions.DependencyInjection;

namespace Rag.Storage.Sqlite;

internal static class SqliteMigrations
{
    /// <summary>Runs the migrations that the slices declare, in the order of their numbers; forward only.</summary>
    public static void Run(string connectionString)
    {
        using var services = new ServiceCollection()
            .AddFluentMigratorCore()
            .ConfigureRunner(runner => runner
                .AddSQLite()
                .WithGlobalConnectionString(connectionString)
                .ScanIn(typeof(SqliteMigrations).Assembly).For.Migrations())
            .BuildServiceProvider(validateScopes: false);
        using var scope = services.CreateScope();
        scope.ServiceProvider.GetRequiredService<IMigrationRunner>().MigrateUp();
    }
}
