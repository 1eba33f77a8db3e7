using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Rag.Access;
using Rag.Audit;
using Rag.Inference;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Bench.Verify.Protect;

/// <summary>
/// A document of the world: a word that stands in it and in no other, and every set of groups that it was ever limited to,
/// with the moments between which each may and must hold.
/// </summary>
internal sealed class WorldDocument(string word, Collection collection, string id)
{
    private readonly Lock _gate = new();
    private readonly List<Span> _spans = [];

    /// <param name="Groups">Null: nobody, for it is deleted.</param>
    private sealed record Span(IReadOnlyList<string>? Groups, long MayFrom, long MustFrom)
    {
        public long MustTo { get; set; } = long.MaxValue;

        public long MayTo { get; set; } = long.MaxValue;
    }

    public string Word => word;

    public Collection Collection => collection;

    public string Id => id;

    public string Uri => $"{word}.md";

    public string Question => $"What is the budget of {word} for the next year?";

    public IReadOnlyList<string> Groups { get; private set; } = [];

    /// <summary>The change is about to be made.</summary>
    public void Changing(IReadOnlyList<string> groups, long now)
    {
        lock (_gate)
        {
            if (_spans.Count > 0) _spans[^1].MustTo = now;
            _spans.Add(new(groups, now, long.MaxValue));
            Groups = groups;
        }
    }

    /// <summary>The change has returned.</summary>
    public void Changed(long now)
    {
        lock (_gate)
        {
            if (_spans.Count > 1) _spans[^2].MayTo = now;
            _spans[^1] = _spans[^1] with { MustFrom = now };
        }
    }

    /// <summary>Whether somebody may have been told of it who asked at one moment and was answered at another.</summary>
    public bool May(Caller caller, long from, long to) => caller.MayRead(collection.Id) && Any(s => s.MayFrom <= to && s.MayTo >= from && caller.Scope.Shows(s.Groups!));

    /// <summary>Whether they had to be, all the while.</summary>
    public bool Must(Caller caller, long from, long to) => caller.MayRead(collection.Id) && Any(s => s.MustFrom <= from && s.MustTo > to && caller.Scope.Shows(s.Groups!));

    private bool Any(Predicate<Span> holds)
    {
        lock (_gate) return _spans.Exists(holds);
    }
}

/// <summary>Collections with documents, groups, and people with random grants, all from one seed.</summary>
internal sealed partial class PermissionWorld
{
    private const int Groups = 8, Scopes = 24, MaxGroupsOfDocument = 3, MaxGroupsOfCaller = 4;

    private static readonly Caller Admin = new("user", "admin", "admin", null, [new(Role.Admin, null)], []);

    private readonly List<Collection> _collections = [];
    private readonly List<IReadOnlyList<string>> _scopes = [];
    private readonly Dictionary<string, WorldDocument> _byWord = new(StringComparer.Ordinal), _byId = new(StringComparer.Ordinal);
    private long _now;

    private PermissionWorld()
    {
    }

    public IReadOnlyList<WorldDocument> Documents { get; private set; } = [];

    /// <summary>A moment after all before it.</summary>
    public long Now => Interlocked.Increment(ref _now);

    [GeneratedRegex("zq[a-p]{8}q")]
    private static partial Regex Words { get; }

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Ids { get; }

    public static async Task<PermissionWorld> MakeAsync(IServiceProvider at, int collections, int documentsEach, int seed, CancellationToken ct)
    {
        Actor.Become(Admin);
        var world = new PermissionWorld();
        var random = new Random(seed);
        for (int i = 0; i < Scopes; i++) world._scopes.Add(i == 0 ? [] : Draw(random, MaxGroupsOfCaller));
        var documents = new List<WorldDocument>();
        for (int c = 0; c < collections; c++)
        {
            var collection = await at.GetRequiredService<Collections>().EnsureAsync($"collection-{c}", null, ct);
            world._collections.Add(collection);
            for (int d = 0; d < documentsEach; d++)
            {
                string word = Word(c * documentsEach + d);
                IReadOnlyList<string> groups = random.Next(4) == 0 ? [] : Draw(random, MaxGroupsOfDocument);
                string text = $"# Plan {word}\n\nThe budget of {word} for the next year is {random.Next(100, 999)} thousand. {word} was approved by the committee in spring.\n\n## Staff of {word}\n\nThe staff of {word} is to grow by {random.Next(2, 30)} people, says the committee.";
                await foreach (var outcome in at.GetRequiredService<Ingestor>().IngestAsync(collection, new($"{word}.md", Encoding.UTF8.GetBytes(text), Groups: groups.Count == 0 ? null : groups), ct))
                {
                    var document = new WorldDocument(word, collection, outcome.Id ?? throw new InvalidOperationException(outcome.Message));
                    document.Changing(groups, world.Now);
                    document.Changed(world.Now);
                    documents.Add(document);
                    world._byWord[word] = document;
                    world._byId[document.Id] = document;
                }
            }
        }
        world.Documents = documents;
        while (at.GetRequiredService<Embedder>().Available && await at.GetRequiredService<DocumentRecord>().CountAsync(null, ct) is var counts && counts.Embedded < counts.Chunks) await Task.Delay(50, ct);
        await at.GetRequiredService<IIndexer>().WaitForAsync(await at.GetRequiredService<ChangeLog>().LastAsync(ct), TimeSpan.FromMinutes(2), ct);
        return world;
    }

    /// <summary>Somebody with random grants and groups.</summary>
    public Caller Somebody(Random random)
    {
        var groups = _scopes[random.Next(Scopes)];
        var grants = _collections.Where(_ => random.Next(3) > 0).Select(c => new Grant(random.Next(5) == 0 ? Role.Writer : Role.Reader, c.Id)).ToList();
        if (random.Next(10) == 0) grants.Add(new(Role.Reader, null));
        return new("user", $"user-{random.Next(1_000_000)}", "somebody", null, grants, groups);
    }

    /// <summary>Limits a document anew through the product, and remembers between which moments what may hold.</summary>
    public async Task<bool> ChangeAsync(IServiceProvider at, WorldDocument document, Random random, CancellationToken ct)
    {
        Actor.Become(Admin);
        IReadOnlyList<string> groups = random.Next(4) == 0 ? [] : Draw(random, MaxGroupsOfDocument);
        var library = at.GetRequiredService<Library>();
        var found = await library.GetAsync(document.Collection, document.Id, ct);
        document.Changing(groups, Now);
        bool effective = (await library.PermitAsync(document.Collection, found, groups, ct)).Everywhere;
        // Where some replica is behind, the change may not hold yet: the product says so, and it is asked again.
        for (int again = 0; !effective && again < 10; again++) effective = (await library.PermitAsync(document.Collection, found, groups, ct)).Everywhere;
        document.Changed(Now);
        return effective;
    }

    /// <summary>Documents whose words or ids stand in a text.</summary>
    public IEnumerable<WorldDocument> In(string text) =>
        Words.Matches(text).Select(m => _byWord.GetValueOrDefault(m.Value)).Concat(Ids.Matches(text).Select(m => _byId.GetValueOrDefault(m.Value))).OfType<WorldDocument>().Distinct();

    private static IReadOnlyList<string> Draw(Random random, int most) =>
        Enumerable.Range(0, random.Next(1, most + 1)).Select(_ => $"group-{random.Next(Groups)}").Distinct().Order(StringComparer.Ordinal).ToList();

    private static string Word(int number)
    {
        var word = new StringBuilder("zq");
        uint mixed = (uint)number * 2_654_435_761u;
        for (int i = 0; i < 8; i++, mixed >>= 4) word.Append((char)('a' + (mixed & 15)));
        return word.Append('q').ToString();
    }
}
