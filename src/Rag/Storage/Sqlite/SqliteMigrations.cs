using FluentMigrator.Runner;
using Microsoft.Extensions.DependencyInjection;

namespace Rag.Storage.Sqlite;

internal static class SqliteMigrations
{
    /// <summary>The shared SQL of a migration as SQLite writes it.</summary>
    public static string Dialect(string shared) => shared
        .Replace("{serial}", "INTEGER PRIMARY KEY AUTOINCREMENT", StringComparison.Ordinal)
        .Replace("{integer}", "INTEGER", StringComparison.Ordinal)
        .Replace("{bytes}", "BLOB", StringComparison.Ordinal);

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
