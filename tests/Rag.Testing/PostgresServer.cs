using System.Globalization;
using Npgsql;

namespace Rag.Testing;

/// <summary>
/// A PostgreSQL server of its own in a temporary folder, on a loopback port. What is written is not synchronised to the
/// disk unless asked for: tests kill the server, not the machine.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string Account = "postgres";
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);
    private static readonly SemaphoreSlim SharedGate = new(1, 1);
    private static PostgresServer? _shared;

    private readonly string _directory;
    private readonly IReadOnlyList<string> _settings;
    private ChildServer? _process;
    private int _databases;

    private PostgresServer(string directory, int port, IReadOnlyList<string> settings) => (_directory, Port, _settings) = (directory, port, settings);

    public int Port { get; }

    /// <summary>Whether PostgreSQL is installed here.</summary>
    public static bool IsInstalled => ChildServer.Find("postgres") is not null && ChildServer.Find("initdb") is not null;

    /// <summary>One server for all tests of this process; <see cref="DisposeSharedAsync"/> ends it.</summary>
    public static async Task<PostgresServer> SharedAsync(CancellationToken ct)
    {
        await SharedGate.WaitAsync(ct);
        try
        {
            return _shared ??= await StartAsync(ct);
        }
        finally
        {
            SharedGate.Release();
        }
    }

    public static async Task DisposeSharedAsync()
    {
        if (Interlocked.Exchange(ref _shared, null) is { } shared) await shared.DisposeAsync();
    }

    /// <param name="settings">Server settings as <c>name=value</c>, on top of those for tests.</param>
    /// <param name="data">Where to keep everything; a temporary folder when null. Removed when this is disposed of.</param>
    public static async Task<PostgresServer> StartAsync(CancellationToken ct, IReadOnlyList<string>? settings = null, string? data = null)
    {
        string directory = data ?? Directory.CreateTempSubdirectory("rag-pg-").FullName;
        var server = new PostgresServer(directory, ChildServer.FreePort(), settings ?? []);
        try
        {
            if (Environment.IsPrivilegedProcess) await ChildServer.RunAsync("chown", [Account, directory], ct);
            await ChildServer.RunAsync(Program("initdb"), ["-D", server.DataPath, "-U", Account, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"], ct, Account);
            await server.StartAgainAsync(ct);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes an empty database and returns how to reach it.</summary>
    public async Task<string> CreateDatabaseAsync(CancellationToken ct)
    {
        string name = "t" + Interlocked.Increment(ref _databases).ToString(CultureInfo.InvariantCulture);
        await ExecuteAsync($"CREATE DATABASE {name}", ct);
        return ConnectionString(name);
    }

    /// <summary>Ends the database's connections and removes it.</summary>
    public Task DropDatabaseAsync(string connectionString, CancellationToken ct) =>
        ExecuteAsync($"DROP DATABASE IF EXISTS {new NpgsqlConnectionStringBuilder(connectionString).Database} WITH (FORCE)", ct);

    public string ConnectionString(string database = Account, int? port = null) =>
        $"Host=127.0.0.1;Port={(port ?? Port).ToString(CultureInfo.InvariantCulture)};Username={Account};Database={database};SSL Mode=Disable;GSS Encryption Mode=Disable";

    public async Task ExecuteAsync(string sql, CancellationToken ct, string database = Account)
    {
        await using var connection = new NpgsqlConnection(ConnectionString(database) + ";Pooling=false");
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Ends the server at once, in the middle of whatever it does.</summary>
    public async Task KillAsync()
    {
        if (_process is null) return;
        // The server's children outlive their parent for a moment, and hold its memory.
        foreach (int id in ServerIds()) await SignalAsync(id, "KILL");
        await _process.DisposeAsync();
        _process = null;
        string pidFile = Path.Combine(DataPath, "postmaster.pid");
        if (File.Exists(pidFile)) File.Delete(pidFile);
    }

    /// <summary>Starts it on the same data and port, after <see cref="KillAsync"/>.</summary>
    public async Task StartAgainAsync(CancellationToken ct)
    {
        string[] settings =
        [
            // Without a socket in the file system: its lock would outlive a killed server.
            "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "full_page_writes=off", "max_connections=300",
            "shared_buffers=32MB", "autovacuum_naptime=30s", "log_min_messages=fatal", "max_wal_size=256MB", .. _settings,
        ];
        _process = ChildServer.Start(Program("postgres"), ["-D", DataPath, "-p", Port.ToString(CultureInfo.InvariantCulture), .. settings.SelectMany(s => new[] { "-c", s })], asUser: Account);
        await _process.WaitUntilAsync(async token =>
        {
            await ExecuteAsync("SELECT 1", token);
            return true;
        }, StartLimit, ct);
    }

    /// <summary>Stops every process of the server where it is, as a machine that hangs would.</summary>
    public async Task PauseAsync()
    {
        foreach (int id in ServerIds()) await SignalAsync(id, "STOP");
    }

    public async Task ContinueAsync()
    {
        foreach (int id in ServerIds()) await SignalAsync(id, "CONT");
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        try
        {
            Directory.Delete(_directory, recursive: true);
        }
        catch (IOException)
        {
            // A process of the server that is just going writes its last.
        }
    }

    private string DataPath => Path.Combine(_directory, "data");

    /// <summary>The server's first process and its children, the first one first: it would replace a child that goes before it.</summary>
    private List<int> ServerIds()
    {
        string pidFile = Path.Combine(DataPath, "postmaster.pid");
        if (!File.Exists(pidFile) || !int.TryParse(File.ReadLines(pidFile).FirstOrDefault(), CultureInfo.InvariantCulture, out int first)) return [];
        var ids = new List<int> { first };
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out int id)) continue;
            try
            {
                // The fourth field, behind the name in parentheses, is the parent.
                string stat = File.ReadAllText(Path.Combine(folder, "stat"));
                if (int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture) == first) ids.Add(id);
            }
            catch (IOException)
            {
                // Gone meanwhile.
            }
        }
        return ids;
    }

    private static async Task SignalAsync(int id, string signal)
    {
        try
        {
            await ChildServer.RunAsync("kill", ["-s", signal, id.ToString(CultureInfo.InvariantCulture)], CancellationToken.None);
        }
        catch (InvalidOperationException)
        {
            // Gone already.
        }
    }

    private static string Program(string name) => ChildServer.Find(name) ?? throw new InvalidOperationException($"{name} is not installed; Debian's package postgresql-15 has it.");
}
