using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Indexing;
using Rag.Storage;
using Rag.Testing;

namespace Rag.Bench.Verify.Protect;

/// <summary>Replicas of the whole service in this process, each with a data directory of its own, on one record.</summary>
internal sealed class PermissionSite : IAsyncDisposable
{
    private readonly List<(ServiceProvider Services, string Data)> _replicas = [];
    private readonly List<IAsyncDisposable> _servers = [];
    private PgliteServer? _pglite;

    public IReadOnlyList<IServiceProvider> Replicas => _replicas.ConvertAll(r => (IServiceProvider)r.Services);

    /// <summary>One replica whose index is on its disk.</summary>
    public static Task<PermissionSite> LocalAsync(CancellationToken ct) => StartAsync(1, (_, _) => Task.FromResult(new Dictionary<string, string?>()), ct);

    /// <summary>One replica that searches in PostgreSQL with pgvector.</summary>
    public static Task<PermissionSite> PgvectorAsync(CancellationToken ct) => StartAsync(1, async (site, token) =>
    {
        if (!PgliteServer.IsInstalled) throw new CannotMeasureException("Node and npm, which run PostgreSQL with pgvector here, are not installed");
        site._pglite = await PgliteServer.RentAsync(token);
        return new()
        {
            ["Storage:Provider"] = "postgres",
            ["Audit:KeyFile"] = AuditKeyFile.Shared,
            ["Storage:Postgres:ConnectionString"] = site._pglite.ConnectionString,
            ["Storage:Postgres:MaxPoolSize"] = "4",
            ["Storage:Postgres:StatementTimeoutMs"] = "60000",
            ["Indexing:Engine"] = "postgres",
        };
    }, ct);

    /// <summary>Three replicas on one PostgreSQL, with one Redis between them.</summary>
    public static Task<PermissionSite> ReplicasAsync(CancellationToken ct) => StartAsync(3, async (site, token) =>
    {
        if (!PostgresServer.IsInstalled || !RedisServer.Installed) throw new CannotMeasureException("PostgreSQL or redis-server is not installed");
        var postgres = await PostgresServer.StartAsync(token);
        site._servers.Add(postgres);
        var redis = await RedisServer.StartAsync(token);
        site._servers.Add(redis);
        return new()
        {
            ["Storage:Provider"] = "postgres",
            ["Audit:KeyFile"] = AuditKeyFile.Shared,
            ["Storage:Postgres:ConnectionString"] = await postgres.CreateDatabaseAsync(token),
            ["Storage:Postgres:MaxPoolSize"] = "12",
            ["Caching:Redis:Endpoints"] = redis.Endpoint,
        };
    }, ct);

    public async ValueTask DisposeAsync()
    {
        foreach (var (services, data) in _replicas)
        {
            foreach (var hosted in services.GetServices<IHostedService>().Reverse()) await hosted.StopAsync(CancellationToken.None);
            await services.DisposeAsync();
            Directory.Delete(data, recursive: true);
        }
        if (_pglite is not null) await PgliteServer.GiveBackAsync(_pglite);
        foreach (var server in _servers) await server.DisposeAsync();
    }

    private static async Task<PermissionSite> StartAsync(int replicas, Func<PermissionSite, CancellationToken, Task<Dictionary<string, string?>>> settings, CancellationToken ct)
    {
        var site = new PermissionSite();
        try
        {
            var shared = await settings(site, ct);
            for (int n = 1; n <= replicas; n++)
            {
                string data = Directory.CreateTempSubdirectory("rag-permissions-").FullName;
                var configuration = new ConfigurationBuilder().AddInMemoryCollection(shared)
                    .AddInMemoryCollection([new("Storage:DataDirectory", data), new("Server:ReplicaName", $"replica-{n}")]).Build();
                var services = new ServiceCollection().AddLogging(log => log.SetMinimumLevel(LogLevel.None)).AddRag(configuration).BuildServiceProvider();
                site._replicas.Add((services, data));
                services.GetRequiredService<DataDirectory>();
                await services.GetRequiredService<Database>().MigrateAsync(ct);
                foreach (var hosted in services.GetServices<IHostedService>()) await hosted.StartAsync(ct);
                await services.GetRequiredService<IIndexer>().Ready.WaitAsync(ct);
            }
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }
}
