using System.Security.Cryptography;
using Rag.Foundation;

namespace Rag.Access;

/// <summary>A key as every replica holds it in memory.</summary>
internal sealed class KnownKey(string id, string name, IReadOnlyList<string> groups, byte[] hash, byte[]? oldHash, long oldUntil, long expiresAt, int? perMinute, int? questionsPerDay)
{
    public string Id => id;

    public string Name => name;

    public IReadOnlyList<string> Groups => groups;

    public long ExpiresAt => expiresAt;

    public int? PerMinute => perMinute;

    public int? QuestionsPerDay => questionsPerDay;

    /// <summary>When its use was last noted, UTC microseconds.</summary>
    public long NotedAt;

    /// <summary>Who holds it, as of the state that it was resolved in.</summary>
    public Resolved? Resolved;

    /// <summary>Whether this is the hash of its secret, or of the one before while both hold; takes the same time either way.</summary>
    public bool Opens(ReadOnlySpan<byte> given, long now)
    {
        bool opens = CryptographicOperations.FixedTimeEquals(given, hash);
        if (oldHash is null) return opens;
        return opens | (CryptographicOperations.FixedTimeEquals(given, oldHash) & now < oldUntil);
    }
}

/// <summary>A session as every replica holds it in memory.</summary>
/// <param name="Kind"><c>key</c>: it lasts while the key does. <c>user</c>: of single sign-on.</param>
internal sealed record KnownSession(string Hash, string Kind, string Principal, string Name, IReadOnlyList<string> Groups, long ExpiresAt)
{
    public long UsedAt;

    public long NotedAt;

    public Resolved? Resolved;
}

internal sealed record KnownGrant(string Id, string Kind, string Principal, Role Role, string? CollectionId, long? ExpiresAt);

/// <param name="Of">The state in which it holds.</param>
/// <param name="Until">When a grant ends; UTC microseconds.</param>
internal sealed record Resolved(AccessState Of, Caller Caller, long Until);

/// <summary>Keys, grants and sessions that hold, at one version of the record. Never changed: a newer version is another state.</summary>
internal sealed class AccessState
{
    public static readonly AccessState Empty = new(-1, [], [], []);

    private readonly Dictionary<string, KnownKey>.AlternateLookup<ReadOnlySpan<char>> _keysBySpan;
    private readonly ILookup<(string Kind, string Principal), KnownGrant> _grants;

    public AccessState(long version, Dictionary<string, KnownKey> keys, Dictionary<string, KnownGrant> grants, Dictionary<string, KnownSession> sessions)
    {
        (Version, Keys, Grants, Sessions) = (version, keys, grants, sessions);
        _keysBySpan = keys.GetAlternateLookup<ReadOnlySpan<char>>();
        _grants = grants.Values.ToLookup(g => (g.Kind, g.Principal));
    }

    public long Version { get; }

    public Dictionary<string, KnownKey> Keys { get; }

    public Dictionary<string, KnownGrant> Grants { get; }

    public Dictionary<string, KnownSession> Sessions { get; }

    public KnownKey? FindKey(ReadOnlySpan<char> id) => _keysBySpan.TryGetValue(id, out var key) ? key : null;

    /// <summary>Who holds the key now.</summary>
    public Caller CallerOf(KnownKey key, long now)
    {
        if (key.Resolved is { } known && known.Of == this && now < known.Until) return known.Caller;
        var resolved = Resolve("key", key.Id, key.Name, key.Groups, now);
        key.Resolved = resolved;
        return resolved.Caller;
    }

    public Caller CallerOf(KnownSession session, long now)
    {
        if (session.Resolved is { } known && known.Of == this && now < known.Until) return known.Caller;
        var resolved = Resolve(session.Kind, session.Principal, session.Name, session.Groups, now);
        session.Resolved = resolved;
        return resolved.Caller;
    }

    /// <summary>Who somebody is with what they and their groups have been granted.</summary>
    public Resolved Resolve(string kind, string id, string name, IReadOnlyList<string> groups, long now)
    {
        var grants = new List<Grant>();
        long until = long.MaxValue;
        Add(_grants[(kind, id)]);
        foreach (string group in groups) Add(_grants[("group", group)]);
        return new(this, new Caller(kind, id, name, null, [.. grants.Distinct()], [.. groups.Distinct().Order(StringComparer.Ordinal)]), until);

        void Add(IEnumerable<KnownGrant> given)
        {
            foreach (var grant in given)
            {
                if (grant.ExpiresAt is { } ends)
                {
                    if (ends <= now) continue;
                    until = Math.Min(until, ends);
                }
                grants.Add(new(grant.Role, grant.CollectionId));
            }
        }
    }
}
