using System.Collections.Concurrent;
using System.Globalization;
using Npgsql;

namespace Rag.Testing;

/// <summary>
/// PostgreSQL with pgvector from npm (PGlite), on a loopback port, behind <c>pglite-server.mjs</c>. It is one session for
/// all who connect: their transactions wait for each other, and what one sets for its session the others have too.
/// </summary>
public sealed class PgliteServer : IAsyncDisposable
{
    private static readonly string[] Packages = ["@electric-sql/pglite@0.5.14", "@electric-sql/pglite-pgvector@0.0.15"];
    private const string Script = "pglite-server.mjs";
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly ConcurrentBag<PgliteServer> Idle = [];

    private readonly ChildServer _process;

    private PgliteServer(ChildServer process, int port) => (_process, Port) = (process, port);

    public int Port { get; }

    public string ConnectionString => $"Host=127.0.0.1;Port={Port.ToString(CultureInfo.InvariantCulture)};Username=postgres;Database=postgres;SSL Mode=Disable;GSS Encryption Mode=Disable";

    /// <summary>Whether it can run here: Node and npm are installed.</summary>
    public static bool IsInstalled => NpmFolder.IsInstalled;

    /// <summary>An empty server: one that was given back, or a new one.</summary>
    public static async Task<PgliteServer> RentAsync(CancellationToken ct) => Idle.TryTake(out var idle) ? idle : await StartAsync(ct);

    /// <summary>Empties it and keeps it for the next.</summary>
    public static async Task GiveBackAsync(PgliteServer server)
    {
        NpgsqlConnection.ClearAllPools();
        await server.ExecuteAsync("DROP SCHEMA public CASCADE; CREATE SCHEMA public; RESET ALL", CancellationToken.None);
        Idle.Add(server);
    }

    public static async Task DisposeIdleAsync()
    {
        while (Idle.TryTake(out var server)) await server.DisposeAsync();
    }

    public static async Task<PgliteServer> StartAsync(CancellationToken ct, bool withVector = true)
    {
        string folder = await NpmFolder.WithAsync("pglite", Packages, Script, ct);
        int port = ChildServer.FreePort();
        var process = ChildServer.Start(
            ChildServer.Find("node")!, [Path.Combine(folder, Script), port.ToString(CultureInfo.InvariantCulture), .. withVector ? ["vector"] : Array.Empty<string>()], workingDirectory: folder);
        var server = new PgliteServer(process, port);
        try
        {
            await process.WaitUntilAsync(async token =>
            {
                await server.ExecuteAsync("SELECT 1", token);
                return true;
            }, StartLimit, ct);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public async Task ExecuteAsync(string sql, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false");
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Sends a signal by name: STOP, CONT.</summary>
    public Task SignalAsync(string name, CancellationToken ct) => _process.SignalAsync(name, ct);

    public Task KillAsync() => _process.KillAsync();

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
