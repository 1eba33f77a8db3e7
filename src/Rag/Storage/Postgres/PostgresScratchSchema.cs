using System.Data.Common;
using Dapper;
using Npgsql;

namespace Rag.Storage.Postgres;

/// <summary>A schema of its own in the configured database, for a store that must not touch the record. Disposing of it removes it with all it holds.</summary>
internal sealed class PostgresScratchSchema : IAsyncDisposable
{
    private readonly string _owner;
    private readonly string _name;

    private PostgresScratchSchema(string owner, string name, string connectionString) => (_owner, _name, ConnectionString) = (owner, name, connectionString);

    /// <summary>Leads into the schema; extensions are found where they were before.</summary>
    public string ConnectionString { get; }

    /// <exception cref="Foundation.RagException">Unavailable: the database cannot be reached, or this user may not make a schema in it.</exception>
    public static async Task<PostgresScratchSchema> CreateAsync(PostgresOptions options, TimeProvider time, CancellationToken ct)
    {
        var settings = options.Read();
        settings.Pooling = false;
        string name = "rag_scratch_" + Foundation.Ids.New(time).Replace("-", "", StringComparison.Ordinal);
        var schema = new PostgresScratchSchema(
            settings.ToString(), name, new NpgsqlConnectionStringBuilder(options.Read().ToString()) { SearchPath = $"{name}, {settings.SearchPath ?? "public"}" }.ToString());
        try
        {
            await schema.ExecuteAsync($"CREATE SCHEMA {name}", ct);
            return schema;
        }
        catch (DbException e)
        {
            throw new Foundation.RagException(Foundation.ErrorKind.Unavailable, $"A scratch schema cannot be made in the database: {e.Message}", "Let this user create schemas, or set Storage:Provider to sqlite for this command.", e);
        }
    }

    public async ValueTask DisposeAsync() => await ExecuteAsync($"DROP SCHEMA IF EXISTS {_name} CASCADE", CancellationToken.None);

    private async Task ExecuteAsync(string sql, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(_owner);
        await connection.OpenAsync(ct);
        await connection.ExecuteAsync(new CommandDefinition(sql, commandTimeout: Database.LongCommandSeconds, cancellationToken: ct));
    }
}
