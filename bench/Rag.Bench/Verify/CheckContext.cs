using Rag.Bench.Verify.Console;
using Rag.Bench.Verify.Production;
using Rag.Evaluation;
using Rag.Retrieval;

namespace Rag.Bench.Verify;

/// <summary>What the checks of one run share: how large they are, where the data lies, and stores that are dear to fill.</summary>
internal sealed class CheckContext(bool quick) : IAsyncDisposable
{
    /// <summary>Documents of a collection that are embedded in a quick run.</summary>
    private const int QuickDocuments = 160;

    private const int QuickObservedDocuments = 30;

    /// <summary>Corpora up to this size are searched by words in whole in a quick run.</summary>
    private const long QuickWordsBytes = 2_000_000;

    private readonly Dictionary<string, Task<LoadedCollection>> _collections = [];
    private Task<ProductionCluster>? _production, _observed;
    private Task<ConsoleWorld>? _console;

    public bool Quick { get; } = quick;

    /// <summary>A folder of the shared test data, which lies beside the repository.</summary>
    public static string DataFolder(string name) =>
        FindDataFolder(name) ?? throw new CannotMeasureException($"the test data is absent: there is no ../shared/data/{name} beside the repository");

    /// <summary>The collection, taken in by a store that runs; filled by the first check that needs it.</summary>
    public Task<LoadedCollection> CollectionAsync(string name, bool vectors, CancellationToken ct)
    {
        // A full run has one store for all modes. Where words alone take a second or two, a quick run needs no smaller case for them.
        bool withModel = vectors || !Quick || new FileInfo(Path.Combine(DataFolder(name), "corpus.jsonl")).Length > QuickWordsBytes;
        string key = $"{name}/{withModel}";
        if (!_collections.TryGetValue(key, out var loaded)) _collections[key] = loaded = LoadAsync(name, withModel, ct);
        return loaded;
    }

    /// <summary>Three replicas behind a balancer on real servers, with documents; started by the first check that needs them.</summary>
    public Task<ProductionCluster> ProductionAsync(CancellationToken ct) => _production ??= ProductionCluster.StartAsync(Quick, ct);

    /// <summary>
    /// Replicas with a Prometheus and an Alertmanager that look at them as deploy/local has it. They take few questions at a time
    /// and queue none, so that some are refused.
    /// </summary>
    public Task<ProductionCluster> ObservedAsync(CancellationToken ct) => _observed ??= ProductionCluster.StartAsync(
        Quick, ct, Quick ? 1 : 3, ["Server:MaxQuestions=2", "Server:QueuedQuestions=0"], monitoring: true, documents: Quick ? QuickObservedDocuments : null);

    /// <summary>A browser, and the console on each engine; started by the first check that needs them.</summary>
    public Task<ConsoleWorld> ConsoleAsync() => _console ??= ConsoleWorld.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (_console is { IsCompletedSuccessfully: true }) await (await _console).DisposeAsync();
        if (_observed is { IsCompletedSuccessfully: true }) await (await _observed).DisposeAsync();
        if (_production is { IsCompletedSuccessfully: true }) await (await _production).DisposeAsync();
        foreach (var loaded in _collections.Values)
            if (loaded.IsCompletedSuccessfully) await (await loaded).Store.DisposeAsync();
    }

    private async Task<LoadedCollection> LoadAsync(string name, bool withModel, CancellationToken ct)
    {
        var source = await BeirCollection.LoadAsync(DataFolder(name), ct);
        string? smaller = null;
        if (Quick && withModel)
        {
            int all = source.Corpus.Count;
            source = Smaller(source, QuickDocuments);
            smaller = $"{source.Corpus.Count} of {all} documents, {source.Judgments.Count} queries";
        }
        var store = await ScratchStore.StartNewAsync(withModel ? Settings.NoCache : Settings.NoModel, ct);
        try
        {
            await new Evaluator(store).LoadAsync(source, null, ct);
            return new(source, store, smaller);
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>Queries from all over the collection with all that is relevant to them, up to half the documents; then other documents.</summary>
    private static BeirCollection Smaller(BeirCollection source, int documents)
    {
        var keep = new HashSet<string>();
        var judgments = new Dictionary<string, IReadOnlyDictionary<string, int>>();
        var queries = source.Queries.Where(q => source.Judgments.ContainsKey(q.Id)).ToList();
        // A stride that shares no factor with any likely count visits every query, far ones first.
        for (int i = 0; i < queries.Count; i++)
        {
            var query = queries[(int)(i * 7_919L % queries.Count)];
            var relevant = source.Judgments[query.Id].Where(j => j.Value > 0).Select(j => j.Key).ToList();
            if (keep.Union(relevant).Count() > documents / 2) continue;
            keep.UnionWith(relevant);
            judgments[query.Id] = source.Judgments[query.Id];
        }
        int step = Math.Max(1, source.Corpus.Count / documents);
        for (int i = 0; i < source.Corpus.Count && keep.Count < documents; i += step) keep.Add(source.Corpus[i].Id);
        return source with
        {
            Corpus = source.Corpus.Where(d => keep.Contains(d.Id)).ToList(),
            Queries = source.Queries.Where(q => judgments.ContainsKey(q.Id)).ToList(),
            Judgments = judgments,
        };
    }

    private static string? FindDataFolder(string name)
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (!File.Exists(Path.Combine(at.FullName, "Rag.slnx"))) continue;
            string folder = Path.GetFullPath(Path.Combine(at.FullName, "..", "shared", "data", name));
            return Directory.Exists(folder) ? folder : null;
        }
        return null;
    }
}

/// <param name="Smaller">How this is smaller than the whole collection; null where it is not.</param>
internal sealed record LoadedCollection(BeirCollection Source, ScratchStore Store, string? Smaller);
