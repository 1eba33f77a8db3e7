using Microsoft.Extensions.Configuration;
using Rag.Backup;
using Rag.Evaluation;
using Rag.Testing;

namespace Rag.Bench.Verify.Preserve;

/// <summary>A folder of backups with its key, and services on either engine that use it.</summary>
internal sealed class BackupStores : IAsyncDisposable
{
    private readonly List<ScratchStore> _stores = [];
    private PostgresServer? _postgres;

    public BackupStores() => BackupKeys.Create(KeyFile);

    public string Folder { get; } = Directory.CreateTempSubdirectory("rag-preserve-").FullName;

    public string KeyFile => Path.Combine(Folder, "key.pem");

    public string Backups => Path.Combine(Folder, "backups");

    /// <summary>As flags of the executable.</summary>
    public string[] Flags(params string[] more) => [$"Backup:KeyFile={KeyFile}", $"Backup:Directory={Backups}", AuditKeyFile.Setting, "Inference:Provider=none", .. more];

    public static void RequirePostgres()
    {
        if (!PostgresServer.IsInstalled) throw new CannotMeasureException("PostgreSQL is not installed here");
    }

    /// <summary>A server of its own; what is written is not synchronised to the disk unless the settings say so.</summary>
    public async Task<PostgresServer> PostgresAsync(CancellationToken ct, IReadOnlyList<string>? settings = null)
    {
        RequirePostgres();
        return _postgres ??= await PostgresServer.StartAsync(ct, settings);
    }

    /// <summary>A service with an empty record; on PostgreSQL in a database of its own.</summary>
    public async Task<ScratchStore> StoreAsync(bool postgres, bool start, CancellationToken ct, params (string Key, string Value)[] more)
    {
        var values = new Dictionary<string, string?>
        {
            ["Backup:KeyFile"] = KeyFile, ["Backup:Directory"] = Backups, ["Audit:KeyFile"] = AuditKeyFile.Shared, ["Inference:Provider"] = "none", ["Caching:Enabled"] = "false",
        };
        if (postgres)
        {
            values["Storage:Provider"] = "postgres";
            values["Storage:Postgres:ConnectionString"] = await (await PostgresAsync(ct)).CreateDatabaseAsync(ct);
            values["Storage:Postgres:MaxPoolSize"] = "8";
        }
        foreach (var (key, value) in more) values[key] = value;
        var settings = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
        var store = start ? await ScratchStore.StartNewAsync(settings, ct) : await ScratchStore.CreateAsync(settings, ct);
        _stores.Add(store);
        return store;
    }

    /// <summary>Lets a store go before the rest.</summary>
    public async Task DropAsync(ScratchStore store)
    {
        _stores.Remove(store);
        await store.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var store in _stores) await store.DisposeAsync();
        if (_postgres is not null) await _postgres.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
