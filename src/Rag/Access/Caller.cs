using Rag.Audit;
using Rag.Foundation;

namespace Rag.Access;

internal enum Role
{
    /// <summary>Asks and searches.</summary>
    Reader,
    /// <summary>Reads, ingests and deletes.</summary>
    Writer,
    /// <summary>Runs maintenance, backups, cache, incidents.</summary>
    Operator,
    /// <summary>Reads the audit record and reports.</summary>
    Auditor,
    /// <summary>Everything, keys and permissions included.</summary>
    Admin,
}

/// <summary>A role that somebody has. Reader and writer hold for one collection, or for all; the other roles for the whole service.</summary>
/// <param name="CollectionId">Null for all collections.</param>
internal sealed record Grant(Role Role, string? CollectionId);

/// <summary>Who sent a request, with what they may do.</summary>
/// <param name="Grants">What the key, the user and the user's groups have been granted.</param>
/// <param name="Groups">Groups that documents may be limited to, sorted by their bytes.</param>
internal sealed record Caller(string Kind, string Id, string Name, string? Address, IReadOnlyList<Grant> Grants, IReadOnlyList<string> Groups) : Actor(Kind, Id, Name, Address)
{
    private static readonly IReadOnlyList<Grant> All = [new(Role.Admin, null)];

    /// <summary>What runs outside any request, and may do everything.</summary>
    private static readonly Caller Service = new("system", "system", "rag-system", null, All, []);

    /// <summary>Without keys the address is the only lock: whoever is here may do everything.</summary>
    public static Caller Open(string? address) => new("open", "open", "whoever reaches this server", address, All, []);

    /// <summary>Whoever may open the data directory or the database itself, by the name that the operating system knows them by.</summary>
    public static Caller Local(string user) => new("local", user, user, null, All, []);

    /// <summary>Nobody in particular, who may do nothing.</summary>
    public static Caller Anonymous(string? address) => new("anonymous", "anonymous", "no key", address, [], []);

    public static new Caller Current => Actor.Current as Caller ?? Service;

    public bool IsAdmin { get; } = Grants.Any(g => g.Role == Role.Admin);

    /// <summary>Whether the caller has the role anywhere: reader and writer in some collection.</summary>
    public bool Has(Role role) => IsAdmin || Grants.Any(g => Covers(g.Role, role));

    public bool MayRead(string collectionId) => May(Role.Reader, collectionId);

    public bool MayWrite(string collectionId) => May(Role.Writer, collectionId);

    /// <summary>What of a collection that the caller may read is shown: everything, or what is for everybody or for the caller's groups.</summary>
    public ReadScope Scope => IsAdmin ? ReadScope.Everything : ReadScope.Of(Groups);

    /// <summary>What would be shown without the right to see everything; null for who has no such right, or is nobody that it was given to.</summary>
    public ReadScope? WithoutPrivilege => IsAdmin && Kind is not ("open" or "system") ? ReadScope.Of(Groups) : null;

    /// <summary>What somebody is told who has none of the roles.</summary>
    public RagException Lacks(IReadOnlyList<Role> anyOf) => new(
        ErrorKind.Forbidden, $"{Name} does not have the role that this takes: {string.Join(" or ", anyOf.Select(r => r.ToString().ToLowerInvariant()))}.", "Ask an administrator for it: 'rag access grant' gives roles.");

    private bool May(Role role, string collectionId) => IsAdmin || Grants.Any(g => Covers(g.Role, role) && (g.CollectionId is null || g.CollectionId == collectionId));

    private static bool Covers(Role has, Role wanted) => has == wanted || (has == Role.Writer && wanted == Role.Reader);
}

/// <summary>Which documents of a readable collection somebody is shown.</summary>
/// <param name="Groups">Null: every document. Otherwise documents for everybody and those for one of these groups, sorted by their bytes.</param>
internal sealed record ReadScope(IReadOnlyList<string>? Groups)
{
    public static readonly ReadScope Everything = new((IReadOnlyList<string>?)null);

    private static readonly ReadScope Unlimited = new([]);

    public static ReadScope Of(IReadOnlyList<string> groups) => groups.Count == 0 ? Unlimited : new(groups);

    /// <summary>
    /// Names the scope in cache keys and provenance: two callers with one key are shown the same. Each name stands behind its
    /// length, so that no name that a directory hands out reads as several, or as the scope of everything.
    /// </summary>
    public string Key { get; } = Groups is null ? "*" : string.Concat(Groups.Select(g => $"{g.Length}:{g},"));

    /// <param name="allowed">Groups that a document is limited to; empty where it is for everybody.</param>
    public bool Shows(IReadOnlyList<string> allowed) => Groups is null || allowed.Count == 0 || allowed.Any(Groups.Contains);
}
