using System.Data.Common;
using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Access;

/// <summary>Grants: the only place that roles come from, for users, groups and keys alike.</summary>
internal sealed class Grants(Database database, AccessChanges changes, AuditTrail audit, CollectionNames collections, TimeProvider time)
{
    public static readonly IReadOnlyList<string> Kinds = ["user", "group", "key"];

    private const int MaxGrants = 20_000;
    private static readonly TimeSpan MaxLength = TimeSpan.FromDays(3_660);

    /// <summary>Grants that hold, those of one principal together.</summary>
    public async Task<IReadOnlyList<GrantView>> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = (await connection.GrantsAsync("WHERE removed_at IS NULL AND (expires_at IS NULL OR expires_at > @now) ORDER BY principal_kind, principal, role, created_at", new { now = time.Microseconds() }, ct)).AsList();
        var names = (await connection.QueryAsync<(string Kind, string Id, string Name)>(new CommandDefinition("SELECT 'key', id, name FROM api_keys UNION ALL SELECT 'user', subject, name FROM access_users", cancellationToken: ct)))
            .ToDictionary(n => (n.Kind, n.Id), n => n.Name);
        var named = await collections.AllAsync(ct);
        return [.. rows.Select(r => View(r, names.GetValueOrDefault((r.PrincipalKind, r.Principal)), named))];
    }

    /// <exception cref="RagException">Invalid: not a principal or role; NotFound: no such key or collection; Conflict: it is granted already.</exception>
    public async Task<GrantChanged> AddAsync(NewGrant wanted, CancellationToken ct)
    {
        if (!Kinds.Contains(wanted.PrincipalKind ?? "")) throw new RagException(ErrorKind.Invalid, $"'{wanted.PrincipalKind}' is nobody that roles are granted to.", $"Use one of {string.Join(", ", Kinds)}.");
        string principal = AccessText.Line(wanted.Principal, wanted.PrincipalKind!);
        var role = AccessText.Role(wanted.Role);
        string? collection = await CollectionAsync(role, wanted.Collection, ct);
        long? expires = wanted.Expires is { } length ? Clock.ToMicroseconds(time.GetUtcNow() + Durations.Parse(length, "how long the grant holds", TimeSpan.FromMinutes(1), MaxLength)) : null;
        var (row, effect) = await changes.ApplyAsync(async (tx, version) =>
        {
            if (wanted.PrincipalKind == "key") await RequireKeyAsync(tx, principal, ct);
            return await InsertAsync(tx, version, wanted.PrincipalKind!, principal, role, collection, expires);
        }, ct);
        return new(View(row, null, await collections.AllAsync(ct)), effect.Effective, effect.WaitingFor);
    }

    /// <exception cref="RagException">NotFound: no such grant holds.</exception>
    public async Task<GrantChanged> RemoveAsync(string id, CancellationToken ct)
    {
        var (row, effect) = await changes.ApplyAsync(async (tx, version) =>
        {
            var found = (await tx.Connection!.GrantsAsync("WHERE id = @id AND removed_at IS NULL", new { id }, ct, tx)).SingleOrDefault()
                ?? throw new RagException(ErrorKind.NotFound, $"There is no grant '{id}'.", "'rag access grants list' shows them.");
            await tx.Connection!.ExecuteAsync("UPDATE grants SET removed_at = @now, version = @version WHERE id = @id", new { now = time.Microseconds(), version, id }, tx);
            await audit.AppendAsync(tx, new AuditEvent(AuditCategory.Permission, "grant.remove", $"{found.PrincipalKind}:{found.Principal}", Details(found.Role, found.CollectionId, found.Id)));
            return found;
        }, ct);
        return new(View(row, null, await collections.AllAsync(ct)), effect.Effective, effect.WaitingFor);
    }

    /// <summary>Grants within a transaction that does more, and puts it on the record.</summary>
    public async Task<GrantRow> InsertAsync(DbTransaction tx, long version, string kind, string principal, Role role, string? collectionId, long? expiresAt)
    {
        string name = AccessText.Name(role);
        long now = time.Microseconds();
        var (held, count) = await tx.Connection!.QuerySingleAsync<(long Held, long Count)>(
            """
            SELECT COALESCE(SUM(CASE WHEN principal_kind = @kind AND principal = @principal AND role = @name AND COALESCE(collection_id, '') = @in THEN 1 ELSE 0 END), 0), COUNT(*)
            FROM grants WHERE removed_at IS NULL AND (expires_at IS NULL OR expires_at > @now)
            """, new { kind, principal, name, @in = collectionId ?? "", now }, tx);
        if (held > 0) throw new RagException(ErrorKind.Conflict, $"The {kind} '{principal}' has that role already.", "'rag access grants list' shows it; remove it first to change when it ends.");
        if (count >= MaxGrants) throw new RagException(ErrorKind.Conflict, $"There are {MaxGrants:N0} grants already.", "Grant roles to groups in the place of users, and remove what is no longer needed.");
        var row = new GrantRow(Ids.New(time), kind, principal, name, collectionId, now, By(), expiresAt, null);
        await tx.Connection!.ExecuteAsync(
            """
            INSERT INTO grants (id, principal_kind, principal, role, collection_id, created_at, created_by, expires_at, version)
            VALUES (@Id, @PrincipalKind, @Principal, @Role, @CollectionId, @CreatedAt, @CreatedBy, @ExpiresAt, @version)
            """, new { row.Id, row.PrincipalKind, row.Principal, row.Role, row.CollectionId, row.CreatedAt, row.CreatedBy, row.ExpiresAt, version }, tx);
        await audit.AppendAsync(tx, new AuditEvent(AuditCategory.Permission, "grant.add", $"{kind}:{principal}", Details(name, collectionId, row.Id)));
        return row;
    }

    /// <summary>The collection's id; null for all of them.</summary>
    public async Task<string?> CollectionAsync(Role role, string? name, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(name)) return null;
        if (!AccessText.OfCollections(role)) throw new RagException(ErrorKind.Invalid, $"The role {AccessText.Name(role)} is for the whole service.", "Limit reader or writer to a collection, and leave the collection out for the others.");
        return await collections.IdAsync(name, ct) ?? throw new RagException(ErrorKind.NotFound, $"There is no collection '{name}'.", "Make it first with 'rag collections create', or grant the role for all collections.");
    }

    public static string By() => Actor.Current is var actor && actor.Kind == actor.Id ? actor.Name : $"{actor.Kind} {actor.Name}";

    private static async Task RequireKeyAsync(DbTransaction tx, string id, CancellationToken ct)
    {
        if (!(await tx.Connection!.KeysAsync("WHERE id = @id AND revoked_at IS NULL", new { id }, ct, tx)).Any()) throw ApiKeys.Missing(id);
    }

    private static Dictionary<string, string> Details(string role, string? collectionId, string grant)
    {
        var details = new Dictionary<string, string> { ["role"] = role, ["grant"] = grant };
        if (collectionId is not null) details["collection"] = collectionId;
        return details;
    }

    private static GrantView View(GrantRow r, string? name, IReadOnlyDictionary<string, string> collections) => new(
        r.Id, r.PrincipalKind, r.Principal, name, r.Role, r.CollectionId is null ? null : collections.GetValueOrDefault(r.CollectionId, r.CollectionId), Clock.FromMicroseconds(r.CreatedAt), r.CreatedBy,
        r.ExpiresAt is { } at ? Clock.FromMicroseconds(at) : null);
}
