using Rag.Testing;

[assembly: AssemblyFixture(typeof(Rag.Tests.SharedServers))]

namespace Rag.Tests;

/// <summary>What holds the record.</summary>
public enum Engine
{
    Sqlite,
    Postgres,

    /// <summary>PostgreSQL with pgvector, which is searched as well.</summary>
    Pgvector,
}

/// <summary>A record for a test: with SQLite nothing, for it lies in the data directory; with PostgreSQL a database of its own.</summary>
internal sealed class TestRecord : IAsyncDisposable
{
    private readonly PostgresServer? _server;

    private readonly PgliteServer? _pglite;

    private TestRecord(PostgresServer? server, PgliteServer? pglite, string connectionString) => (_server, _pglite, ConnectionString) = (server, pglite, connectionString);

    public string ConnectionString { get; }

    public Dictionary<string, string?> Settings => _pglite is not null ? SettingsOf(_pglite) : _server is null ? [] : new()
    {
        ["Storage:Provider"] = "postgres",
        ["Audit:KeyFile"] = AuditKeyFile.Shared,
        ["Storage:Postgres:ConnectionString"] = ConnectionString,
        ["Storage:Postgres:MaxPoolSize"] = "8",
    };

    public static Dictionary<string, string?> SettingsOf(PgliteServer server) => new()
    {
        ["Storage:Provider"] = "postgres",
        ["Audit:KeyFile"] = AuditKeyFile.Shared,
        ["Storage:Postgres:ConnectionString"] = server.ConnectionString,
        // The least that there may be, and one session that all wait for.
        ["Storage:Postgres:MaxPoolSize"] = "4",
        ["Storage:Postgres:StatementTimeoutMs"] = "60000",
        ["Indexing:Engine"] = "postgres",
    };

    public static async Task<TestRecord> CreateAsync(Engine engine)
    {
        if (engine == Engine.Sqlite) return new(null, null, "");
        if (engine == Engine.Pgvector)
        {
            RequirePgvector();
            var pglite = await PgliteServer.RentAsync(TestContext.Current.CancellationToken);
            return new(null, pglite, pglite.ConnectionString);
        }
        var server = await ServerAsync();
        return new(server, null, await server.CreateDatabaseAsync(TestContext.Current.CancellationToken));
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

    public static void RequirePgvector()
    {
        if (!PgliteServer.IsInstalled && Environment.GetEnvironmentVariable("CI") != "true") Assert.Skip("Node and npm, which run PostgreSQL with pgvector here, are not installed; './test' installs them.");
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
        if (_pglite is not null) await PgliteServer.GiveBackAsync(_pglite);
    }
}

/// <summary>Ends the servers that the tests of this assembly share.</summary>
public sealed class SharedServers : IAsyncDisposable
{
    public async ValueTask DisposeAsync()
    {
        await PostgresServer.DisposeSharedAsync();
        await PgliteServer.DisposeIdleAsync();
    }
}
