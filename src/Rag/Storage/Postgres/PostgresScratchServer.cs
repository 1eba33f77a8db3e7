using System.Diagnostics;
using System.Text;
using Npgsql;
using Rag.Foundation;

namespace Rag.Storage.Postgres;

/// <summary>
/// A PostgreSQL server that this process starts on a restored data directory and ends again: reachable by nobody else, over a
/// socket in a folder of its own, archiving nothing.
/// </summary>
internal sealed class PostgresScratchServer : IAsyncDisposable
{
    private const int Port = 5432, MaxSaidChars = 8_000;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200), StopLimit = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly string _folder;
    private readonly StringBuilder _said = new();

    private PostgresScratchServer(Process process, string folder) => (_process, _folder) = (process, folder);

    /// <summary>Starts the server and waits until it has recovered what its configuration asks for, and takes writes.</summary>
    /// <param name="folder">Holds <c>data</c>, the data directory; belongs to <paramref name="account"/>.</param>
    /// <exception cref="RagException">Unavailable: it ended before that; the message holds what it said.</exception>
    public static async Task<PostgresScratchServer> StartAsync(string folder, string account, string database, string user, CancellationToken ct)
    {
        string program = Programs.Find("postgres", "", "Install PostgreSQL's server of the version that the record is on, on the machine of this service.");
        string hba = Path.Combine(folder, "hba.conf"), configuration = Path.Combine(folder, "postgresql.conf");
        await File.WriteAllTextAsync(hba, "local all all trust\n", ct);
        await File.WriteAllTextAsync(configuration, "", ct);
        string[] settings =
        [
            "listen_addresses=", $"unix_socket_directories={folder}", $"port={Port}", $"hba_file={hba}", $"config_file={configuration}", "ssl=off", "archive_mode=off", "shared_preload_libraries=",
            // Recovery is not looked at from outside, so that limits smaller than the lost server's are no obstacle.
            "hot_standby=off", "log_destination=stderr", "logging_collector=off",
        ];
        var info = Programs.Command(program, ["-D", Path.Combine(folder, "data"), .. settings.SelectMany(s => new[] { "-c", s })], account);
        var server = new PostgresScratchServer(Programs.Start(info), folder);
        server._process.ErrorDataReceived += (_, e) => server.Note(e.Data);
        server._process.OutputDataReceived += (_, e) => server.Note(e.Data);
        server._process.BeginErrorReadLine();
        server._process.BeginOutputReadLine();
        try
        {
            await server.WaitAsync(database, user, ct);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public string ConnectionString(string database, string user) => new NpgsqlConnectionStringBuilder
    {
        Host = _folder, Port = Port, Database = database, Username = user, SslMode = SslMode.Disable, Pooling = false,
    }.ToString();

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        using var limit = new CancellationTokenSource(StopLimit);
        await _process.WaitForExitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _process.Dispose();
    }

    private async Task WaitAsync(string database, string user, CancellationToken ct)
    {
        while (true)
        {
            if (_process.HasExited) throw new RagException(ErrorKind.Unavailable, $"PostgreSQL could not recover to that time: {Said()}", "Choose a time that its log still covers: 'pgbackrest info' shows from when to when.");
            try
            {
                await using var connection = new NpgsqlConnection(ConnectionString(database, user));
                await connection.OpenAsync(ct);
                await using var recovering = new NpgsqlCommand("SELECT pg_is_in_recovery()", connection);
                if (await recovering.ExecuteScalarAsync(ct) is false) return;
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.InvalidCatalogName or PostgresErrorCodes.InvalidAuthorizationSpecification)
            {
                throw new RagException(ErrorKind.Unavailable, $"What was restored is not this record's server: {e.MessageText}.", "Check that Backup:PgBackRest:Stanza names the stanza of the server that the record is on.", e);
            }
            catch (NpgsqlException)
            {
                // Recovering still.
            }
            await Task.Delay(Look, ct);
        }
    }

    private string Said()
    {
        lock (_said) return _said.ToString().Trim();
    }

    private void Note(string? line)
    {
        lock (_said)
        {
            if (line is null || !line.Contains("FATAL", StringComparison.Ordinal)) return;
            if (_said.Length < MaxSaidChars) _said.AppendLine(line);
        }
    }
}
