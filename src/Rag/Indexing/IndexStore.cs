using System.Collections.Concurrent;
using System.Globalization;
using Rag.Foundation;
using System.Text.Json;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Indexing;

/// <summary>
/// The indexes of all collections on this replica's disk, and the change-log position up to which all of them are
/// done.
/// </summary>
internal sealed class IndexStore : IDisposable
{
    private readonly ConcurrentDictionary<string, CollectionIndex> _open = new();
    private readonly string _root;
    private readonly string _modelId;
    private readonly int _rowBytes;

    public IndexStore(DataDirectory data, Embedder embedder)
    {
        _root = Path.Combine(data.Path, "index");
        _modelId = embedder.ModelId ?? "none";
        // Without a model no row is ever written; the file just needs some shape.
        _rowBytes = QuantizedVector.RowBytes(Math.Max(1, embedder.Dimensions));
        Directory.CreateDirectory(_root);
        // What a rebuild that was cut short left behind.
        foreach (string leftover in Directory.EnumerateDirectories(_root).Where(d => Path.GetFileName(d).Contains('.')).ToList()) Directory.Delete(leftover, recursive: true);
    }

    public IEnumerable<CollectionIndex> Open => _open.Values;

    public CollectionIndex? Find(string collectionId) => _open.GetValueOrDefault(collectionId);

    /// <summary>Directories of indexes that are on disk, by collection.</summary>
    public IEnumerable<string> OnDisk() => Directory.EnumerateDirectories(_root).Select(d => Path.GetFileName(d)!).Where(n => !n.Contains('.'));

    /// <summary>Opens a collection's index; <paramref name="fresh"/> when it is empty and must be filled from the record.</summary>
    public CollectionIndex OpenOrCreate(string collectionId, string language, out bool fresh, out string? reason)
    {
        fresh = false;
        reason = null;
        if (_open.TryGetValue(collectionId, out var open))
        {
            if (open.Language == language) return open;
            Drop(collectionId);
        }
        var index = CollectionIndex.Open(PathOf(collectionId), collectionId, language, _modelId, _rowBytes, out fresh, out reason);
        _open[collectionId] = index;
        return index;
    }

    /// <summary>An empty index beside the present one, to be filled and then put in its place by <see cref="Replace"/>.</summary>
    public CollectionIndex BeginRebuild(string collectionId, string language)
    {
        string path = PathOf(collectionId) + ".new";
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        return CollectionIndex.Open(path, collectionId, language, _modelId, _rowBytes, out _, out _);
    }

    /// <summary>
    /// Puts a rebuilt index in the place of the present one, which is read until the new one is open. A crash in between
    /// leaves the old one or none: never half of one.
    /// </summary>
    public void Replace(CollectionIndex rebuilt)
    {
        string id = rebuilt.CollectionId, place = PathOf(id), aside = place + ".old";
        rebuilt.Dispose();
        var old = Find(id);
        old?.StopWriting();
        if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
        if (Directory.Exists(place)) Directory.Move(place, aside);
        Directory.Move(rebuilt.Path, place);
        _open[id] = CollectionIndex.Open(place, id, rebuilt.Language, _modelId, _rowBytes, out _, out _);
        old?.Dispose();
        if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
    }

    public void Drop(string collectionId)
    {
        if (_open.TryRemove(collectionId, out var index)) index.Dispose();
        string path = PathOf(collectionId);
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
    }

    public long ReadPosition()
    {
        try
        {
            return long.Parse(File.ReadAllText(PositionPath), CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or FormatException)
        {
            return 0;
        }
    }

    public void WritePosition(long position)
    {
        string temporary = PositionPath + ".new";
        File.WriteAllText(temporary, position.ToString(CultureInfo.InvariantCulture));
        File.Move(temporary, PositionPath, overwrite: true);
    }

    /// <summary>The collections that were indexed at the last commit: what can be answered from while the record is away.</summary>
    public IReadOnlyList<Collection> ReadCatalog()
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(CatalogPath), IndexingJson.Default.ListCollection) ?? [];
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            return [];
        }
    }

    public void WriteCatalog(IEnumerable<Collection> collections)
    {
        string temporary = CatalogPath + ".new";
        File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(collections.ToList(), IndexingJson.Default.ListCollection));
        File.Move(temporary, CatalogPath, overwrite: true);
    }

    public long SizeBytes() => Directory.EnumerateFiles(_root, "*", SearchOption.AllDirectories).Sum(SizeOf);

    public void Dispose()
    {
        foreach (var index in _open.Values) index.Dispose();
        _open.Clear();
    }

    private string PositionPath => Path.Combine(_root, "position.txt");

    private string CatalogPath => Path.Combine(_root, "collections.json");

    private string PathOf(string collectionId) => Path.Combine(_root, collectionId);

    private static long SizeOf(string file)
    {
        try
        {
            return new FileInfo(file).Length;
        }
        catch (FileNotFoundException)
        {
            // Merged away between the listing and the look.
            return 0;
        }
    }
}
