using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Storage;

namespace Rag.Evaluation;

/// <summary>
/// A whole service in a temporary directory of its own, without a door to the outside; where the record is on PostgreSQL,
/// in a schema of its own there. Disposing of it stops the service and removes both, whatever happened before.
/// </summary>
internal sealed class ScratchStore : IAsyncDisposable
{
    private readonly List<IHostedService> _running = [];
    private ServiceProvider? _services;
    private ScratchRecord? _record;

    private ScratchStore(string directory) => DataDirectory = directory;

    /// <summary>Where the service keeps everything.</summary>
    public string DataDirectory { get; }

    /// <summary>Makes a store with an empty record; nothing runs in it before <see cref="StartAsync"/>.</summary>
    /// <param name="settings">Configuration on top of the defaults; the data directory is not theirs to say.</param>
    /// <param name="directory">An empty folder for it, which is removed with it; null: a temporary one.</param>
    /// <param name="schema">Begins the name of its schema, where the record is on PostgreSQL.</param>
    /// <param name="replace">Puts services in the place of those of the product, such as one that another service of this process has open.</param>
    public static async Task<ScratchStore> CreateAsync(
        IConfiguration? settings, CancellationToken ct, string? directory = null, string schema = ScratchRecord.SchemaPrefix, Action<IServiceCollection>? replace = null)
    {
        var store = new ScratchStore(directory ?? Directory.CreateTempSubdirectory("rag-scratch-").FullName);
        try
        {
            var configuration = new ConfigurationBuilder();
            if (settings is not null) configuration.AddConfiguration(settings);
            // What is evaluated must not sign for the real record.
            configuration.AddInMemoryCollection([new("Storage:DataDirectory", store.DataDirectory), new("Audit:Checkpoints:Directory", ""), new("Audit:Checkpoints:Url", "")]);
            store._record = await ScratchRecord.CreateAsync(configuration.Build(), schema, ct);
            configuration.AddInMemoryCollection(store._record.Settings);
            var services = new ServiceCollection().AddLogging().AddRag(configuration.Build());
            replace?.Invoke(services);
            store._services = services.BuildServiceProvider();
            store.Get<DataDirectory>();
            await store.Get<Database>().MigrateAsync(ct);
            return store;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>A store that runs.</summary>
    public static async Task<ScratchStore> StartNewAsync(IConfiguration? settings, CancellationToken ct)
    {
        var store = await CreateAsync(settings, ct);
        try
        {
            await store.StartAsync(ct);
            return store;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    public T Get<T>() where T : notnull =>
        (_services ?? throw new InvalidOperationException("The store was stopped.")).GetRequiredService<T>();

    /// <summary>Starts what works in the background: the indexer, the embedding of chunks, the keeping of answers.</summary>
    public async Task StartAsync(CancellationToken ct)
    {
        foreach (var service in Get<IEnumerable<IHostedService>>()) await StartAsync(service, ct);
    }

    /// <summary>Starts one service alone: a record that was restored must not go on with its schedules and notices.</summary>
    public async Task StartAsync(IHostedService service, CancellationToken ct)
    {
        await service.StartAsync(ct);
        _running.Add(service);
    }

    /// <summary>Stops the service and lets the directory go, which stays as it is until this is disposed of.</summary>
    public async Task StopAsync()
    {
        for (int i = _running.Count - 1; i >= 0; i--) await _running[i].StopAsync(CancellationToken.None);
        _running.Clear();
        if (_services is not null) await _services.DisposeAsync();
        _services = null;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopAsync();
        }
        finally
        {
            if (Directory.Exists(DataDirectory)) Directory.Delete(DataDirectory, recursive: true);
            if (_record is not null) await _record.DisposeAsync();
            _record = null;
        }
    }
}
