using Rag.Access;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Ingestion;

/// <summary>How far a change has spread.</summary>
/// <param name="Waiting">Processes that do not reflect it yet.</param>
internal sealed record Spread(long Position, IReadOnlyList<string> Waiting)
{
    public bool Everywhere => Waiting.Count == 0;
}

/// <summary>
/// Collections and documents as whoever acts may see and change them; every door comes through here. What somebody may not
/// read is to them as if it were not there: the same error, in the same words. What takes something away from somebody
/// returns when no replica shows it any more.
/// </summary>
internal sealed class Library(Collections collections, DocumentRecord documents, Followers followers, DataAccessLog accesses)
{
    private static readonly TimeSpan EffectLimit = TimeSpan.FromSeconds(5);

    /// <summary>All collections that the caller may read.</summary>
    public async Task<IReadOnlyList<Collection>> CollectionsAsync(CancellationToken ct)
    {
        var caller = Caller.Current;
        return (await collections.ListAsync(ct)).Where(c => caller.MayRead(c.Id)).ToList();
    }

    public async Task<Collection?> FindAsync(string name, CancellationToken ct) =>
        await collections.FindAsync(name, ct) is { } found && Caller.Current.MayRead(found.Id) ? found : null;

    public async Task<Collection> GetAsync(string name, CancellationToken ct) => await FindAsync(name, ct) ?? throw Collections.Unknown(name);

    /// <summary>The same for changing what is in it.</summary>
    /// <exception cref="RagException">Forbidden: the caller may read it only.</exception>
    public async Task<Collection> GetToWriteAsync(string name, CancellationToken ct)
    {
        var found = await GetAsync(name, ct);
        return Caller.Current.MayWrite(found.Id) ? found : throw ReadOnly(name);
    }

    /// <summary>The collection to write into, made where there is none by whoever may write to all.</summary>
    /// <exception cref="RagException">Forbidden: the caller may not write to it, or there is none and they may not make it, which sounds the same.</exception>
    public async Task<Collection> EnsureAsync(string name, string? language, CancellationToken ct)
    {
        var caller = Caller.Current;
        // No collection has an empty id: who may write to that may write to all.
        if (!caller.MayWrite(await collections.FindAsync(name, ct) is { } found ? found.Id : "")) throw ReadOnly(name);
        return await collections.EnsureAsync(name, language, ct);
    }

    public async Task<Spread> DeleteCollectionAsync(string name, CancellationToken ct)
    {
        var collection = await GetToWriteAsync(name, ct);
        return await EffectAsync(await collections.DeleteAsync(collection.Name, ct), ct);
    }

    /// <summary>What the caller is shown of the collection, counted.</summary>
    public Task<CollectionCounts> CountAsync(Collection collection, CancellationToken ct) => documents.CountAsync(collection.Id, Caller.Current.Scope, ct);

    public Task<IReadOnlyList<DocumentInfo>> ListAsync(Collection collection, string afterUri, string prefix, int limit, CancellationToken ct) =>
        documents.ListAsync(collection.Id, afterUri, prefix, limit, Caller.Current.Scope, ct);

    /// <summary>Folders right below a prefix that hold documents the caller is shown, each as the prefix of what is in it.</summary>
    public Task<IReadOnlyList<string>> FoldersAsync(Collection collection, string prefix, int limit, CancellationToken ct) =>
        documents.FoldersAsync(collection.Id, prefix, limit, Caller.Current.Scope, ct);

    public Task<DocumentInfo> GetAsync(Collection collection, string id, CancellationToken ct) => documents.GetAsync(collection, id, Caller.Current.Scope, ct);

    /// <summary>Notes that the caller is shown the documents: listed, or their words read.</summary>
    public void Shown(string how, Collection collection, params IReadOnlyCollection<DocumentInfo> shown)
    {
        var own = Caller.Current.WithoutPrivilege;
        accesses.Note(new(how, collection.Id, null, null, [.. shown.Select(d => d.Id)]) { Privileged = own is not null && !shown.All(d => own.Shows(d.LimitedTo)) });
    }

    public async Task<DocumentInfo?> FindByUriAsync(Collection collection, string uri, CancellationToken ct) =>
        await documents.FindByUriAsync(collection.Id, uri, ct) is { } found && Caller.Current.Scope.Shows(found.LimitedTo) ? found : null;

    public async Task<Spread> DeleteAsync(DocumentInfo document, CancellationToken ct) => await EffectAsync(await documents.DeleteAsync(document, ct), ct);

    /// <summary>Limits a document to groups, or to none for everybody.</summary>
    public async Task<Spread> PermitAsync(Collection collection, DocumentInfo document, IReadOnlyList<string> groups, CancellationToken ct) =>
        await EffectAsync(await documents.PermitAsync(collection, document, groups, Caller.Current.Scope, ct), ct);

    /// <summary>Waits until every process reflects the change, up to a bound; it holds in the record already.</summary>
    public async Task<Spread> EffectAsync(long position, CancellationToken ct)
    {
        try
        {
            return new(position, await followers.WaitAllAsync(Followers.Index, position, EffectLimit, ct));
        }
        catch (RagException e) when (e.Kind == ErrorKind.Unavailable)
        {
            // The record went away after it had committed: who follows it cannot be asked.
            return new(position, ["all replicas: the record is away"]);
        }
    }

    private static RagException ReadOnly(string name) => new(ErrorKind.Forbidden, $"You may not write to collection '{name}'.", "Ask an administrator for the role writer in it.");
}
