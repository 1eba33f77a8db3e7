using Rag.Backup;
using Rag.Testing;
using Rag.Testing.Console;

namespace Rag.Bench.Verify.Console;

/// <summary>The real <c>rag serve</c> on one of the engines, with documents and a past, and beside it one that is empty and one that wants keys.</summary>
internal sealed class ConsoleSite : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _parts = [];
    private readonly Dictionary<ConsoleServer, ServerProcess> _servers = [];
    private readonly string _folder = Directory.CreateTempSubdirectory("rag-console-").FullName;

    private ConsoleSite(string engine) => Engine = engine;

    /// <summary><c>SQLite</c> or <c>PostgreSQL</c>.</summary>
    public string Engine { get; }

    public ConsoleState State { get; private set; } = null!;

    private string BackupKey => Path.Combine(_folder, "backup-key.pem");

    /// <summary>Of the server with documents.</summary>
    public string DataDirectory => Path.Combine(_folder, nameof(ConsoleServer.Filled));

    public ServerProcess Filled => _servers[ConsoleServer.Filled];

    /// <param name="settings">Of all its servers.</param>
    /// <param name="servers">All where it is null.</param>
    public static async Task<ConsoleSite> StartAsync(string engine, ConsoleContent content, CancellationToken ct, IReadOnlyList<ConsoleServer>? servers = null, params string[] settings)
    {
        var site = new ConsoleSite(engine);
        try
        {
            PostgresServer? postgres = null;
            if (engine == ConsoleEngines.PostgreSql)
            {
                if (!PostgresServer.IsInstalled) throw new CannotMeasureException("PostgreSQL is not installed");
                site._parts.Add(postgres = await PostgresServer.StartAsync(ct));
                BackupKeys.Create(site.BackupKey);
            }
            foreach (var kind in servers ?? Enum.GetValues<ConsoleServer>())
            {
                string data = Path.Combine(site._folder, kind.ToString());
                // Beside a record of its own, a server keeps its keys there, too; on PostgreSQL they are given to it.
                string[] record = postgres is null ? [] : ["Storage:Provider=postgres", $"Storage:Postgres:ConnectionString={await postgres.CreateDatabaseAsync(ct)}", AuditKeyFile.Setting, $"Backup:KeyFile={site.BackupKey}"];
                string[] access = kind == ConsoleServer.Keyed ? ["Access:Mode=keys"] : [];
                var server = ServerProcess.StartRag(data, [.. settings, .. record, .. access, "Server:ReplicaName=replica-1", $"Backup:Directory={Path.Combine(data, "backups")}"]);
                site._parts.Add(server);
                site._servers[kind] = server;
                await server.WaitReadyAsync(ct);
            }
            site.State = new(site.Filled.Http, content, ct);
            await site.State.FillAsync();
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>Where a page is, with its server.</summary>
    public async Task<string> UrlAsync(ConsolePage page) => new Uri(_servers[page.Server].Http.BaseAddress!, await page.PathAsync(State)).ToString();

    public async ValueTask DisposeAsync()
    {
        foreach (var part in _parts.AsEnumerable().Reverse()) await part.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
