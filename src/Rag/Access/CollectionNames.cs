namespace Rag.Access;

/// <summary>What collections are called; the slice that has them says so, which stands below this one.</summary>
/// <param name="IdAsync">Null where there is none of that name.</param>
/// <param name="AllAsync">Names by id.</param>
internal sealed record CollectionNames(Func<string, CancellationToken, Task<string?>> IdAsync, Func<CancellationToken, Task<IReadOnlyDictionary<string, string>>> AllAsync);
