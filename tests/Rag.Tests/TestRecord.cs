using Rag.Testing;

[assembly: AssemblyFixture(typeof(Rag.Tests.SharedServers))]

namespace Rag.Tests;

/// <summary>What holds the record.</summary>
public enum Engine
{
    Sqlite,
    Postgres,
}

/// <summary>A record for a test: with SQLite nothing, for it lies in the data directory; with PostgreSQL a database of its own.</summary>
internal sealed class TestRecord : IAsyncDisposable
{
    private readonly PostgresServer? _server;

    private TestRecord(PostgresServer? server, string connectionString) => (_server, ConnectionString) = (server, connectionString);

    public string ConnectionString { get; }

    public Dictionary<string, string?> Settings => _server is null ? [] : new()
    {
        ["Storage:Provider"] = "postgres",
        ["Storage:Postgres:ConnectionString"] = ConnectionString,
        ["Storage:Postgres:MaxPoolSize"] = "8",
    };

    public static async Task<TestRecord> CreateAsync(Engine engine)
    {
        if (engine == Engine.Sqlite) return new(null, "");
        var server = await ServerAsync();
        return new(server, await server.CreateDatabaseAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>The server that all tests share; without PostgreSQL the test is skipped on a laptop and fails in CI.</summary>
    public static async Task<PostgresServer> ServerAsync()
    {
        RequirePostgres();
        return await PostgresServer.SharedAsync(TestContext.Current.CancellationToken);
    }

    public static void RequirePostgres()
    {
        if (!PostgresServer.IsInstalled && Environment.GetEnvironmentVariable("CI") != "true") Assert.Skip("PostgreSQL is not installed; './test' installs it.");
    }

    /// <summary>Keeps the record as it is now beside it; nobody may have it open.</summary>
    public async Task BackUpAsync(string data)
    {
        if (_server is null) File.Copy(Path.Combine(data, "rag.db"), Path.Combine(data, "backup.db"));
        else await _server.ExecuteAsync($"CREATE DATABASE {Name}_backup TEMPLATE {Name}", TestContext.Current.CancellationToken);
    }

    /// <summary>Puts back what <see cref="BackUpAsync"/> kept.</summary>
    public async Task PutBackAsync(string data)
    {
        if (_server is null)
        {
            foreach (string journal in new[] { "rag.db-wal", "rag.db-shm" }) File.Delete(Path.Combine(data, journal));
            File.Move(Path.Combine(data, "backup.db"), Path.Combine(data, "rag.db"), overwrite: true);
            return;
        }
        await _server.DropDatabaseAsync(ConnectionString, TestContext.Current.CancellationToken);
        await _server.ExecuteAsync($"ALTER DATABASE {Name}_backup RENAME TO {Name}", TestContext.Current.CancellationToken);
    }

    private string Name => new Npgsql.NpgsqlConnectionStringBuilder(ConnectionString).Database!;

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DropDatabaseAsync(ConnectionString, CancellationToken.None);
    }
}

/// <summary>Ends the servers that the tests of this assembly share.</summary>
public sealed class SharedServers : IAsyncDisposable
{
    public async ValueTask DisposeAsync() => await PostgresServer.DisposeSharedAsync();
}
