using System.CommandLine;
using System.Text;
using System.Text.Json;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Rag.App.Tests.Http;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Postgres;
using Rag.Storage.Sqlite;
using Rag.Testing;

namespace Rag.App.Tests.Surface;

/// <summary>
/// Everything that others rely on, as text beside this file. A difference is a change to the contract: look at it, then
/// run the tests with RAG_UPDATE_SURFACES=1 to accept it.
/// </summary>
public sealed class SurfaceTests(HttpServer server) : IClassFixture<HttpServer>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Commands_are_what_they_were()
    {
        var text = new StringBuilder();
        Describe(CommandLine.Build(), "rag", text);
        await CompareAsync("commands.txt", text.ToString());

        static void Describe(Command command, string path, StringBuilder text)
        {
            string arguments = string.Concat(command.Arguments.Select(a => $" <{a.Name}>"));
            text.Append(path).Append(arguments).Append("  ").AppendLine(command.Description);
            foreach (var option in command.Options.Where(o => o is not System.CommandLine.Help.HelpOption and not VersionOption).OrderBy(o => o.Name, StringComparer.Ordinal))
                text.Append("    ").Append(option.Name).Append("  ").AppendLine(option.Description);
            foreach (var inner in command.Subcommands.OrderBy(c => c.Name, StringComparer.Ordinal)) Describe(inner, $"{path} {inner.Name}", text);
        }
    }

    [Fact]
    public async Task The_http_interface_is_what_it_was()
    {
        using var api = JsonDocument.Parse(await server.Http.GetStringAsync("/openapi/v1.json", Cancel));
        var text = new StringBuilder();
        foreach (var path in api.RootElement.GetProperty("paths").EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal))
            foreach (var method in path.Value.EnumerateObject())
                text.AppendLine($"{method.Name.ToUpperInvariant()} {path.Name}");
        foreach (var schema in api.RootElement.GetProperty("components").GetProperty("schemas").EnumerateObject().OrderBy(s => s.Name, StringComparer.Ordinal))
        {
            if (!schema.Value.TryGetProperty("properties", out var properties)) continue;
            text.AppendLine($"{schema.Name}: {string.Join(", ", properties.EnumerateObject().Select(p => p.Name))}");
        }
        await CompareAsync("http.txt", text.ToString());
    }

    [Fact]
    public async Task Configuration_is_what_it_was()
    {
        var services = new ServiceCollection().AddRag(new ConfigurationBuilder().Build());
        var sections = (ConfigurationSections)services.Single(s => s.ServiceType == typeof(ConfigurationSections)).ImplementationInstance!;
        string[] ofThisMachine = ["Inference:ModelPath", "Inference:Threads", "Ingestion:Parallelism"];
        await CompareAsync("configuration.txt", string.Concat(sections.Effective(_ => "").Select(v => $"{v.Key} = {(ofThisMachine.Contains(v.Key) ? "(of the machine)" : v.Value)}\n")));
    }

    [Fact]
    public async Task The_schema_of_the_record_is_what_it_was()
    {
        string data = Directory.CreateTempSubdirectory("rag-schema-").FullName;
        try
        {
            await using var database = new SqliteDatabase(new StorageOptions { DataDirectory = data });
            await database.MigrateAsync(Cancel);
            await using var connection = (SqliteConnection)await database.OpenAsync(Cancel);
            var command = connection.CreateCommand();
            command.CommandText = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name";
            var text = new StringBuilder();
            await using var reader = await command.ExecuteReaderAsync(Cancel);
            while (await reader.ReadAsync(Cancel)) text.AppendLine(reader.GetString(0)).AppendLine();
            await CompareAsync("schema.txt", text.ToString());
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    [Fact]
    public async Task The_schema_of_the_record_on_postgres_is_what_it_was()
    {
        if (!PostgresServer.IsInstalled && Environment.GetEnvironmentVariable("CI") != "true") Assert.Skip("PostgreSQL is not installed; './test' installs it.");
        await using var postgres = await PostgresServer.StartAsync(Cancel);
        var options = new StorageOptions { Provider = "postgres", Postgres = { ConnectionString = postgres.ConnectionString(), MaxPoolSize = 4 } };
        await using var database = new PostgresDatabase(options, TimeProvider.System);
        await database.MigrateAsync(Cancel);
        await using var connection = await database.OpenAsync(Cancel);
        var lines = await connection.QueryAsync<string>("""
            SELECT CASE WHEN a.attnum = 1 THEN E'\n' || c.relname || E'\n' ELSE '' END || '  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
              || COALESCE(' COLLATE ' || (SELECT collname FROM pg_collation l WHERE l.oid = a.attcollation AND l.collname <> 'default'), '')
              || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
              || CASE WHEN a.attidentity <> '' THEN ' IDENTITY' ELSE COALESCE(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') END
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
            WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname COLLATE "C", a.attnum
            """);
        var rules = await connection.QueryAsync<string>("""
            SELECT line FROM (
              SELECT conrelid::regclass || ': ' || pg_get_constraintdef(oid) AS line FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
              UNION ALL
              SELECT indexdef FROM pg_indexes i WHERE schemaname = current_schema() AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = i.indexname AND connamespace = current_schema()::regnamespace)
            ) l ORDER BY line COLLATE "C"
            """);
        await CompareAsync("schema-postgres.txt", string.Join('\n', lines).TrimStart() + "\n\n" + string.Join('\n', rules) + "\n");
    }

    private static async Task CompareAsync(string name, string actual)
    {
        string path = Path.Combine(Folder(), name);
        actual = actual.ReplaceLineEndings("\n");
        if (Environment.GetEnvironmentVariable("RAG_UPDATE_SURFACES") == "1") await File.WriteAllTextAsync(path, actual, Cancel);
        (await File.ReadAllTextAsync(path, Cancel)).ReplaceLineEndings("\n").ShouldBe(actual);
    }

    private static string Folder([System.Runtime.CompilerServices.CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
