using Microsoft.Data.Sqlite;
using Npgsql;

namespace Rag.Testing.Doctor;

/// <summary>A PostgreSQL that is refused, slow, silent, mis-keyed, locked; an SQLite that another process holds.</summary>
internal static class DatabaseScenarios
{
    private const string Password = "right-one";

    public static readonly IReadOnlyList<DoctorScenario> All =
    [
        Postgres("a database that refuses connections", "database.refused", async (s, ct) =>
        {
            s.Proxy.Down();
            return await s.LookAsync(ct);
        }, quick: true),
        Postgres("a database behind a slow network", "database.slow", async (s, ct) =>
        {
            s.Proxy.Latency = TimeSpan.FromMilliseconds(60);
            return await s.LookAsync(ct);
        }, quick: true),
        Postgres("a database that takes connections and says nothing", "database.silent", async (s, ct) =>
        {
            s.Proxy.Blackhole();
            return await s.LookAsync(ct);
        }),
        Postgres("a database whose password was changed", "database.credentials", async (s, ct) =>
        {
            await s.Server.ExecuteAsync("ALTER USER keyed PASSWORD 'another-one'", ct);
            return await s.LookAsync(ct);
        }, quick: true),
        Postgres("a database that is gone from its server", "database.missing", async (s, ct) =>
        {
            await s.Server.DropDatabaseAsync(s.Server.ConnectionString("kept"), ct);
            return await s.LookAsync(ct);
        }),
        Postgres("a session that waits for what another has changed", "database.locked", LockedAsync, quick: true),
        Postgres("a table of the record that a session keeps to itself", "database.locked", async (s, ct) =>
        {
            await using var holder = await s.OpenAsync(ct);
            await ExecuteAsync(holder, "BEGIN; LOCK TABLE documents IN ACCESS EXCLUSIVE MODE", ct);
            await Task.Delay(2_500, ct);
            return await s.LookAsync(ct);
        }),
        new("a connection string in a file that is not there", "database.configuration", MissingPostgres, false, async ct =>
        {
            await using var s = await Stage.StartAsync(ct);
            string file = Path.Combine(Path.GetTempPath(), $"rag-connection-{Guid.NewGuid():N}");
            await File.WriteAllTextAsync(file, s.ConnectionString, ct);
            string[] arguments = ["database", "--set", "Storage:Provider=postgres", "--set", AuditKeyFile.Setting, "--set", $"Storage:Postgres:ConnectionStringFile={file}"];
            var well = await DoctorRun.RunAsync(ct, arguments);
            File.Delete(file);
            return (well, await DoctorRun.RunAsync(ct, arguments));
        }),
        new("a record in SQLite that another process locks", "database.locked", () => null, false, SqliteLockedAsync),
    ];

    private static string? MissingPostgres() => PostgresServer.IsInstalled ? null : "PostgreSQL is not installed";

    private static DoctorScenario Postgres(string name, string finding, Func<Stage, CancellationToken, Task<DoctorRun>> provokeAsync, bool quick = false) => new(name, finding, MissingPostgres, quick, async ct =>
    {
        await using var stage = await Stage.StartAsync(ct);
        var well = await stage.LookAsync(ct);
        if (well.ExitCode != 0) throw new InvalidOperationException($"The healthy database is not found to be so: {well}");
        return (well, await provokeAsync(stage, ct));
    });

    private static async Task<DoctorRun> LockedAsync(Stage s, CancellationToken ct)
    {
        await using var holder = await s.OpenAsync(ct);
        await ExecuteAsync(holder, "BEGIN; UPDATE documents SET uri = 'b'", ct);
        await using var waiter = await s.OpenAsync(ct);
        var waits = ExecuteAsync(waiter, "UPDATE documents SET uri = 'c'", ct);
        await Task.Delay(1_500, ct);
        var run = await s.LookAsync(ct);
        await ExecuteAsync(holder, "ROLLBACK", ct);
        await waits;
        if (run.EvidenceOf("database.locked")?.Contains($"process {holder.ProcessID} ", StringComparison.Ordinal) != true) throw new InvalidOperationException($"The holder {holder.ProcessID} is not named: {run}");
        return run;
    }

    private static async Task<(DoctorRun Well, DoctorRun Wrong)> SqliteLockedAsync(CancellationToken ct)
    {
        string data = Directory.CreateTempSubdirectory("rag-locked-").FullName;
        try
        {
            await using var connection = new SqliteConnection($"Data Source={Path.Combine(data, "rag.db")};Pooling=false");
            await connection.OpenAsync(ct);
            await using (var make = connection.CreateCommand())
            {
                make.CommandText = "PRAGMA journal_mode=WAL; CREATE TABLE documents (uri TEXT)";
                await make.ExecuteNonQueryAsync(ct);
            }
            var well = await DoctorRun.RunAsync(ct, "database", "--data", data);
            await using var transaction = connection.BeginTransaction(deferred: false);
            var wrong = await DoctorRun.RunAsync(ct, "database", "--data", data);
            if (OperatingSystem.IsLinux() && wrong.EvidenceOf("database.locked")?.Contains($"{Environment.ProcessId} (", StringComparison.Ordinal) != true)
                throw new InvalidOperationException($"The process {Environment.ProcessId} that holds the lock is not named: {wrong}");
            return (well, wrong);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>A server that asks for a password, behind a proxy; <c>rag doctor</c> gets the proxy's address.</summary>
    private sealed class Stage : IAsyncDisposable
    {
        private readonly string _access;

        private Stage(PostgresServer server, FaultProxy proxy, string access) => (Server, Proxy, _access) = (server, proxy, access);

        public PostgresServer Server { get; }

        public FaultProxy Proxy { get; }

        public string ConnectionString => $"{Server.ConnectionString("kept", Proxy.Port).Replace("Username=postgres", "Username=keyed", StringComparison.Ordinal)};Password={Password}";

        public static async Task<Stage> StartAsync(CancellationToken ct)
        {
            string access = Path.Combine(Path.GetTempPath(), $"rag-hba-{Guid.NewGuid():N}.conf");
            await File.WriteAllTextAsync(access, "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n", ct);
            var server = await PostgresServer.StartAsync(ct, [$"hba_file={access}"]);
            await server.ExecuteAsync($"CREATE USER keyed PASSWORD '{Password}'", ct);
            await server.ExecuteAsync("CREATE DATABASE kept OWNER keyed", ct);
            await server.ExecuteAsync("CREATE TABLE documents (uri TEXT); INSERT INTO documents VALUES ('a'); ALTER TABLE documents OWNER TO keyed", ct, "kept");
            return new(server, FaultProxy.Start(server.Port), access);
        }

        public Task<DoctorRun> LookAsync(CancellationToken ct) => DoctorRun.RunAsync(
            ct, "database", "--set", "Storage:Provider=postgres", "--set", AuditKeyFile.Setting, "--set", $"Storage:Postgres:ConnectionString={ConnectionString}");

        public async Task<NpgsqlConnection> OpenAsync(CancellationToken ct)
        {
            var connection = new NpgsqlConnection(Server.ConnectionString("kept") + ";Pooling=false;Application Name=somebody");
            await connection.OpenAsync(ct);
            return connection;
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Server.DisposeAsync();
            File.Delete(_access);
        }
    }
}
