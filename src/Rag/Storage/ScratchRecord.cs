using Dapper;
using Microsoft.Extensions.Configuration;
using Npgsql;
using Rag.Foundation;
using Rag.Storage.Postgres;

namespace Rag.Storage;

/// <summary>
/// A place for a record that nobody else sees and that is gone afterwards: with SQLite the data directory is that already;
/// with PostgreSQL it is a schema of its own in the same database.
/// </summary>
internal sealed class ScratchRecord : IAsyncDisposable
{
    public const string SchemaPrefix = "rag_scratch_";

    private readonly StorageOptions? _options;
    private readonly string _schema = "";

    private ScratchRecord()
    {
    }

    private ScratchRecord(StorageOptions options, string schema)
    {
        (_options, _schema) = (options, schema);
        var connection = options.Postgres.Read();
        // Behind it what was there before, for the types of extensions.
        connection.SearchPath = $"{schema}, {connection.SearchPath ?? "public"}";
        Settings = [new("Storage:Postgres:ConnectionString", connection.ToString()), new("Storage:Postgres:ConnectionStringFile", "")];
    }

    /// <summary>Configuration that leads there.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Settings { get; } = [];

    /// <param name="prefix">Begins the name of the schema.</param>
    public static async Task<ScratchRecord> CreateAsync(IConfiguration configuration, string prefix, CancellationToken ct)
    {
        var sections = new ConfigurationSections(configuration);
        var options = sections.Bind<StorageOptions>();
        // What is wrong with it is said with the rest of the configuration.
        if (options.Provider != "postgres" || options.Validate().Any()) return new();
        string schema = prefix + Guid.NewGuid().ToString("N");
        await ExecuteAsync(options, $"CREATE SCHEMA {schema}", ct);
        return new(options, schema);
    }

    /// <summary>Removes what is left of scratch records of this prefix whose process was killed; called by who knows that none is in use.</summary>
    public static async Task RemoveLeftAsync(StorageOptions options, string prefix, CancellationToken ct)
    {
        if (options.Provider != "postgres") return;
        await using var database = new PostgresDatabase(options, TimeProvider.System);
        List<string> left;
        await using (var connection = await database.ConnectAloneAsync(ct))
            left = (await connection.QueryAsync<string>(new CommandDefinition("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, @prefix)", new { prefix }, cancellationToken: ct))).AsList();
        foreach (string schema in left) await ExecuteAsync(options, $"DROP SCHEMA IF EXISTS {schema} CASCADE", ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (_options is not null) await ExecuteAsync(_options, $"DROP SCHEMA IF EXISTS {_schema} CASCADE", CancellationToken.None);
    }

    private static async Task ExecuteAsync(StorageOptions options, string sql, CancellationToken ct)
    {
        await using var database = new PostgresDatabase(options, TimeProvider.System);
        try
        {
            await using var connection = await database.ConnectAloneAsync(ct);
            await connection.ExecuteAsync(new CommandDefinition(sql, commandTimeout: Database.LongCommandSeconds, cancellationToken: ct));
        }
        catch (NpgsqlException e)
        {
            throw database.Translate(e);
        }
    }
}
