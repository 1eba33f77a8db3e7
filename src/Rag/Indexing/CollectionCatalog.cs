using System.Collections.Concurrent;
using Rag.Ingestion;

namespace Rag.Indexing;

/// <summary>The collections that this replica has an index of, by name: a question finds its collection without the record.</summary>
internal sealed class CollectionCatalog
{
    private readonly ConcurrentDictionary<string, Collection> _byName = new();

    public IEnumerable<Collection> All => _byName.Values.OrderBy(c => c.Name, StringComparer.Ordinal);

    public Collection? Find(string name) => _byName.GetValueOrDefault(name);

    public void Put(Collection collection) => _byName[collection.Name] = collection;

    public void Remove(string collectionId)
    {
        foreach (var (name, collection) in _byName)
            if (collection.Id == collectionId) _byName.TryRemove(name, out _);
    }
}
