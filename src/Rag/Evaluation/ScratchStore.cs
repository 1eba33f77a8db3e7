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
    public static async Task<ScratchStore> CreateAsync(IConfiguration? settings, CancellationToken ct)
    {
        var store = new ScratchStore(Directory.CreateTempSubdirectory("rag-scratch-").FullName);
        try
        {
            var configuration = new ConfigurationBuilder();
            if (settings is not null) configuration.AddConfiguration(settings);
            // What is evaluated must not sign for the real record.
            configuration.AddInMemoryCollection([new("Storage:DataDirectory", store.DataDirectory), new("Audit:Checkpoints:Directory", ""), new("Audit:Checkpoints:Url", "")]);
            store._record = await ScratchRecord.CreateAsync(configuration.Build(), ct);
            configuration.AddInMemoryCollection(store._record.Settings);
            store._services = new ServiceCollection().AddLogging().AddRag(configuration.Build()).BuildServiceProvider();
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
        foreach (var service in Get<IEnumerable<IHostedService>>())
        {
            await service.StartAsync(ct);
            _running.Add(service);
        }
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
