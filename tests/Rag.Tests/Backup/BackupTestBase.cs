using Dapper;
using Rag.Access;
using Rag.Backup;
using Rag.Ingestion;
using Rag.Storage;
using Rag.Testing;

namespace Rag.Tests.Backup;

/// <summary>Services that share a folder of backups and its keys, each on a record of its own.</summary>
public abstract class BackupTestBase : IAsyncDisposable
{
    private readonly List<TestService> _services = [];
    private readonly List<TestRecord> _records = [];

    protected BackupTestBase() => BackupKeys.Create(KeyFile);

    protected string Folder { get; } = Directory.CreateTempSubdirectory("rag-backup-").FullName;

    protected string KeyFile => Path.Combine(Folder, "key.pem");

    protected string Backups => Path.Combine(Folder, "backups");

    private protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await DisposeServicesAsync();
        foreach (var record in _records) await record.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected async Task DisposeServicesAsync()
    {
        foreach (var service in _services) await service.DisposeAsync();
        _services.Clear();
    }

    private protected async Task<TestService> StartAsync(Engine engine, params (string Key, string Value)[] more)
    {
        var record = await TestRecord.CreateAsync(engine);
        _records.Add(record);
        return await StartAsync(record, more);
    }

    /// <summary>On a database of PostgreSQL that is the test's own.</summary>
    private protected Task<TestService> StartOnAsync(string connectionString, params (string Key, string Value)[] more) =>
        StartAsync(null, [.. more, ("Storage:Provider", "postgres"), ("Storage:Postgres:ConnectionString", connectionString), ("Storage:Postgres:MaxPoolSize", "8")]);

    private async Task<TestService> StartAsync(TestRecord? record, (string Key, string Value)[] more)
    {
        var settings = new Dictionary<string, string?> { ["Audit:KeyFile"] = AuditKeyFile.Shared, ["Backup:KeyFile"] = KeyFile, ["Backup:Directory"] = Backups };
        foreach (var (key, value) in more) settings[key] = value;
        var service = await TestService.StartAsync(settings: settings, record: record);
        _services.Add(service);
        return service;
    }

    /// <summary>Some documents, one of them in two versions, in two collections.</summary>
    private protected static async Task FillAsync(TestService service)
    {
        await service.PutAsync("leave.txt", "The first notice period is four weeks.");
        await service.PutAsync("leave.txt", "The notice period is six weeks.");
        await service.PutAsync("travel.txt", "Travel by train is paid in full. Ärger über Zoë’s 🚆 is not.");
        await service.PutAsync("lab.txt", "The centrifuge is cleaned on Fridays.", "lab");
        await service.AskAsync("How long is the notice period?");
        // Answers are kept behind the answer.
        while (await QueryAsync<long>(service, "SELECT COUNT(*) FROM answers") == 0) await Task.Delay(10, Cancel);
        // What the leader writes once, by itself, is there before anything is compared.
        while (await QueryAsync<long>(service, "SELECT COUNT(*) FROM review_schedule") == 0) await Task.Delay(10, Cancel);
    }

    private protected static Task<BackupInfo> BackUpAsync(TestService service, string kind = BackupKind.Daily) => service.Get<BackupWriter>().CreateAsync(kind, null, Cancel);

    private protected static Task<RestoreResult> RestoreAsync(TestService service, string id, RestoreInto into = RestoreInto.Empty, string? collection = null, string? document = null) =>
        service.Get<Restorer>().RestoreAsync(id, collection, document, into, null, Cancel);

    private protected static async Task<IReadOnlyDictionary<string, TableCount>> InBackupAsync(TestService service, string id) => TableDigests.Of((await service.Get<BackupCatalog>().OpenAsync(id, Cancel)).Manifest);

    private protected static Task<IReadOnlyDictionary<string, TableCount>> InRecordAsync(TestService service, long? position = null) => TableDigests.OfAsync(service.Get<Database>(), Cancel, position);

    private protected static async Task<T?> QueryAsync<T>(TestService service, string sql, object? values = null)
    {
        await using var connection = await service.Get<Database>().OpenAsync(Cancel);
        return await connection.ExecuteScalarAsync<T>(sql, values);
    }

    private protected static async Task<List<string>> UrisAsync(TestService service, string collection = Collections.Default) =>
        [.. (await service.Get<DocumentRecord>().ListAsync((await service.Get<Collections>().GetAsync(collection, Cancel)).Id, "", "", 100, ReadScope.Everything, Cancel)).Select(d => d.Uri)];

    private protected string FolderOf(BackupInfo backup) => Path.Combine(Backups, backup.Id);
}
