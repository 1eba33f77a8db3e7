using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rag.Access;
using Rag.Answering;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;
using Rag.Storage;

namespace Rag.Tests;

/// <summary>The whole service in this process, on a data directory of its own; what tests put in and ask.</summary>
internal sealed class TestService : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly bool _keepData;
    private readonly TestRecord? _ownRecord;

    private TestService(ServiceProvider services, string data, bool keepData, TestRecord? ownRecord) =>
        (_services, Data, _keepData, _ownRecord) = (services, data, keepData, ownRecord);

    public string Data { get; }

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <param name="model">With the shipped embedding model; without it, search is by words.</param>
    /// <param name="data">A directory to open again; kept when the service is disposed.</param>
    /// <param name="engine">What holds the record; on PostgreSQL a database of its own, unless <paramref name="record"/> names one.</param>
    /// <param name="record">A record that outlives the service, or that several services share.</param>
    /// <param name="time">The clock, where the test moves it.</param>
    /// <param name="also">Adds what a later slice, or a fault of the test, registers.</param>
    public static async Task<TestService> StartAsync(
        bool model = false, string? data = null, Dictionary<string, string?>? settings = null, Engine engine = Engine.Sqlite, TestRecord? record = null, TimeProvider? time = null, bool inference = true, Action<IServiceCollection>? also = null)
    {
        var own = record is null && engine != Engine.Sqlite ? await TestRecord.CreateAsync(engine) : null;
        string directory = data ?? Directory.CreateTempSubdirectory("rag-test-").FullName;
        var values = new Dictionary<string, string?>(settings ?? [])
        {
            ["Storage:DataDirectory"] = directory,
        };
        // Where a test says itself what makes vectors, it stays.
        if (inference) values["Inference:Provider"] = model ? "local" : "none";
        foreach (var (key, value) in (record ?? own)?.Settings ?? []) values.TryAdd(key, value);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
        var collection = new ServiceCollection().AddLogging();
        if (time is not null) collection.AddSingleton(time);
        collection.AddRag(configuration);
        also?.Invoke(collection);
        var services = collection.BuildServiceProvider();
        services.GetRequiredService<DataDirectory>();
        await services.GetRequiredService<Database>().MigrateAsync(Cancel);
        await services.GetRequiredService<Collections>().EnsureAsync(Collections.Default, null, Cancel);
        foreach (var hosted in services.GetServices<IHostedService>()) await hosted.StartAsync(Cancel);
        await services.GetRequiredService<IIndexer>().Ready.WaitAsync(Cancel);
        return new(services, directory, keepData: data is not null, own);
    }

    public IServiceProvider Services => _services;

    public T Get<T>() where T : notnull => _services.GetRequiredService<T>();

    public Task<Collection> CollectionAsync(string name = Collections.Default, string? language = null) => Get<Collections>().EnsureAsync(name, language, Cancel);

    /// <summary>Puts a text in under an address and waits until it can be found (and, with a model, is embedded).</summary>
    public async Task<IngestOutcome> PutAsync(string uri, string text, string collection = Collections.Default, Dictionary<string, string>? metadata = null, params string[] groups)
    {
        var outcome = await TryPutAsync(uri, text, collection, metadata, groups);
        outcome.Status.ShouldNotBe(IngestOutcome.Failed, outcome.Message);
        return outcome;
    }

    /// <summary>The same, where being refused is what the test is about.</summary>
    public async Task<IngestOutcome> TryPutAsync(string uri, string text, string collection = Collections.Default, Dictionary<string, string>? metadata = null, params string[] groups)
    {
        var outcomes = new List<IngestOutcome>();
        await foreach (var o in Get<Ingestor>().IngestAsync(await CollectionAsync(collection), new IncomingFile(uri, Encoding.UTF8.GetBytes(text), Metadata: metadata, Groups: groups.Length == 0 ? null : DocumentGroups.Given(groups)), Cancel)) outcomes.Add(o);
        await SettleAsync();
        return outcomes.ShouldHaveSingleItem();
    }

    public async Task DeleteAsync(string uri, string collection = Collections.Default)
    {
        var document = (await Get<DocumentRecord>().FindByUriAsync((await CollectionAsync(collection)).Id, uri, Cancel)).ShouldNotBeNull();
        await Get<DocumentRecord>().DeleteAsync(document, Cancel);
        await SettleAsync();
    }

    /// <summary>Waits until every vector is made and the index has everything.</summary>
    public async Task SettleAsync()
    {
        bool model = Get<Rag.Inference.Embedder>().Available;
        while (model && await Get<DocumentRecord>().CountAsync(null, Cancel) is var counts && counts.Embedded < counts.Chunks) await Task.Delay(20, Cancel);
        await Get<IIndexer>().WaitForAsync(await Get<ChangeLog>().LastAsync(Cancel), TimeSpan.FromSeconds(30), Cancel);
    }

    public async Task<Answer> AskAsync(string question, string? collection = null, AskOptions? options = null)
    {
        var (rendered, cached) = await Get<Answerer>().AskAsync(new AskRequest(question, collection, Options: options), Cancel);
        return cached ? rendered.Answer with { Cached = true, CacheLayer = "question" } : rendered.Answer;
    }

    public async Task<IReadOnlyList<FoundChunk>> SearchAsync(string query, RetrievalMode mode = RetrievalMode.Hybrid, int count = 10, IReadOnlyDictionary<string, string>? filter = null, string collection = Collections.Default) =>
        (await Get<Retriever>().FindAsync(await CollectionAsync(collection), query, mode, count, onePerDocument: false, filter, Caller.Current.Scope, Cancel)).Chunks;

    /// <summary>Stops as a killed process would leave things: nothing is flushed by hand.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var hosted in _services.GetServices<IHostedService>().Reverse()) await hosted.StopAsync(CancellationToken.None);
        await _services.DisposeAsync();
        if (!_keepData) Directory.Delete(Data, recursive: true);
        if (_ownRecord is not null) await _ownRecord.DisposeAsync();
    }
}
