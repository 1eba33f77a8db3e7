namespace Rag.Indexing;

/// <summary>Tells those who keep something of a document (caches) that it is gone.</summary>
internal sealed class IndexEvents
{
    public event Action<string, string>? OnDocumentRemoved;

    public event Action<string>? OnCollectionRemoved;

    public void DocumentRemoved(string collectionId, string documentId) => OnDocumentRemoved?.Invoke(collectionId, documentId);

    public void CollectionRemoved(string collectionId) => OnCollectionRemoved?.Invoke(collectionId);
}
