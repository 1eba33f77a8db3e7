using System.Data.Common;
using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Access;

/// <summary>Keys for programs and people: made, shown once, rotated, revoked.</summary>
internal sealed class ApiKeys(Database database, AccessChanges changes, Grants grants, AuditTrail audit, CollectionNames collections, AccessOptions options, TimeProvider time)
{
    private const int MaxKeys = 10_000;
    private static readonly TimeSpan MaxOverlap = TimeSpan.FromDays(30), MinLength = TimeSpan.FromMinutes(1);

    /// <summary>All keys, newest first; those that ended a year ago are left out.</summary>
    public async Task<IReadOnlyList<KeyView>> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        long now = time.Microseconds();
        var rows = (await connection.KeysAsync("WHERE expires_at > @recent AND (revoked_at IS NULL OR revoked_at > @recent) ORDER BY created_at DESC, id", new { recent = Clock.ToMicroseconds(time.GetUtcNow().AddDays(-366)) }, ct)).AsList();
        var roles = await RolesAsync(connection, "WHERE principal_kind = 'key' AND removed_at IS NULL AND (expires_at IS NULL OR expires_at > @now)", new { now }, ct);
        return [.. rows.Select(r => View(r, roles[r.Id], now))];
    }

    /// <exception cref="RagException">Invalid: a value is out of bounds; NotFound: no such collection.</exception>
    public async Task<KeyIssued> CreateAsync(NewKey wanted, CancellationToken ct)
    {
        string name = AccessText.Line(wanted.Name, "name");
        string owner = wanted.Owner is null ? Grants.By() : AccessText.Line(wanted.Owner, "owner");
        var groups = AccessText.Groups(wanted.Groups);
        var given = await WantedAsync(wanted, ct);
        var now = time.GetUtcNow();
        var length = wanted.Expires is { } text ? Length(text) : TimeSpan.FromDays(options.KeyDays);
        if (wanted.PerMinute is < 1 or > 10_000_000) throw new RagException(ErrorKind.Invalid, $"{wanted.PerMinute} requests a minute is out of bounds.", "Choose 1 to 10000000, or leave it out.");
        if (wanted.QuestionsPerDay is < 1 or > 10_000_000) throw new RagException(ErrorKind.Invalid, $"{wanted.QuestionsPerDay} questions a day is out of bounds.", "Choose 1 to 10000000, or leave it out.");
        string id = ApiKey.NewId(), secret = ApiKey.NewSecret();
        long at = Clock.ToMicroseconds(now);
        var row = new KeyRow(id, name, owner, AccessRows.GroupText(groups), ApiKey.HashText(secret), null, null, wanted.PerMinute, wanted.QuestionsPerDay, at, Grants.By(), at, Clock.ToMicroseconds(now + length), null, null);
        var (_, effect) = await changes.ApplyAsync(async (tx, version) =>
        {
            long count = await tx.Connection!.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL AND expires_at > @at", new { at }, tx);
            if (count >= MaxKeys) throw new RagException(ErrorKind.Conflict, $"There are {MaxKeys:N0} keys already.", "Revoke those that nobody uses: 'rag keys list' shows when each was used last.");
            await tx.Connection!.ExecuteAsync(
                """
                INSERT INTO api_keys (id, name, owner, groups, secret_hash, per_minute, questions_per_day, created_at, created_by, issued_at, expires_at, version)
                VALUES (@Id, @Name, @Owner, @Groups, @SecretHash, @PerMinute, @QuestionsPerDay, @CreatedAt, @CreatedBy, @IssuedAt, @ExpiresAt, @version)
                """, new { row.Id, row.Name, row.Owner, row.Groups, row.SecretHash, row.PerMinute, row.QuestionsPerDay, row.CreatedAt, row.CreatedBy, row.IssuedAt, row.ExpiresAt, version }, tx);
            await audit.AppendAsync(tx, new AuditEvent(AuditCategory.Permission, "key.create", $"key:{id}", new Dictionary<string, string>
            {
                ["name"] = name, ["owner"] = owner, ["groups"] = string.Join(", ", groups), ["expires_at"] = Clock.FromMicroseconds(row.ExpiresAt).ToString("O"),
            }));
            foreach (var (role, collection) in given) await grants.InsertAsync(tx, version, "key", id, role, collection, null);
            return 0;
        }, ct);
        return new(await GetAsync(id, ct), ApiKey.Text(id, secret), effect.Effective, effect.WaitingFor);
    }

    /// <summary>A new secret for a key; the one before holds until the overlap ends.</summary>
    /// <exception cref="RagException">NotFound: no such key; Conflict: it is revoked.</exception>
    public async Task<KeyIssued> RotateAsync(string id, RotateKey wanted, CancellationToken ct)
    {
        var overlap = wanted.Overlap is { } text ? Durations.Parse(text, "how long the secret before goes on", TimeSpan.Zero, MaxOverlap) : TimeSpan.FromHours(24);
        TimeSpan? length = wanted.Expires is { } expires ? Length(expires) : null;
        string secret = ApiKey.NewSecret();
        var (_, effect) = await changes.ApplyAsync(async (tx, version) =>
        {
            var row = await RequireAsync(tx, id, ct);
            var now = time.GetUtcNow();
            long at = Clock.ToMicroseconds(now), ends = length is { } chosen ? Clock.ToMicroseconds(now + chosen) : at + Math.Min(row.ExpiresAt - row.IssuedAt, (long)TimeSpan.FromDays(options.MaxKeyDays).TotalMicroseconds);
            // A key that has ended is not brought back by its old secret.
            long until = Math.Min(at + (long)overlap.TotalMicroseconds, row.ExpiresAt);
            await tx.Connection!.ExecuteAsync(
                "UPDATE api_keys SET old_hash = secret_hash, old_until = @until, secret_hash = @hash, issued_at = @at, expires_at = @ends, version = @version WHERE id = @id",
                new { until, hash = ApiKey.HashText(secret), at, ends, version, id }, tx);
            await audit.AppendAsync(tx, new AuditEvent(AuditCategory.Permission, "key.rotate", $"key:{id}", new Dictionary<string, string>
            {
                ["name"] = row.Name, ["old_secret_until"] = Clock.FromMicroseconds(until).ToString("O"), ["expires_at"] = Clock.FromMicroseconds(ends).ToString("O"),
            }));
            return 0;
        }, ct);
        return new(await GetAsync(id, ct), ApiKey.Text(id, secret), effect.Effective, effect.WaitingFor);
    }

    /// <summary>Ends a key, its grants and the sessions that it opened.</summary>
    /// <exception cref="RagException">NotFound: no such key; Conflict: it is revoked.</exception>
    public async Task<KeyChanged> RevokeAsync(string id, CancellationToken ct)
    {
        var (_, effect) = await changes.ApplyAsync(async (tx, version) =>
        {
            var row = await RequireAsync(tx, id, ct);
            var values = new { now = time.Microseconds(), version, id };
            await tx.Connection!.ExecuteAsync("UPDATE api_keys SET revoked_at = @now, version = @version WHERE id = @id", values, tx);
            await tx.Connection!.ExecuteAsync("UPDATE grants SET removed_at = @now, version = @version WHERE principal_kind = 'key' AND principal = @id AND removed_at IS NULL", values, tx);
            await tx.Connection!.ExecuteAsync("UPDATE sessions SET ended_at = @now, version = @version WHERE kind = 'key' AND principal = @id AND ended_at IS NULL", values, tx);
            await audit.AppendAsync(tx, new AuditEvent(AuditCategory.Permission, "key.revoke", $"key:{id}", new Dictionary<string, string> { ["name"] = row.Name }));
            return 0;
        }, ct);
        return new(await GetAsync(id, ct), effect.Effective, effect.WaitingFor);
    }

    /// <exception cref="RagException">NotFound: no such key.</exception>
    public async Task<KeyView> GetAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        long now = time.Microseconds();
        var row = (await connection.KeysAsync("WHERE id = @id", new { id }, ct)).SingleOrDefault() ?? throw Missing(id);
        var roles = await RolesAsync(connection, "WHERE principal_kind = 'key' AND principal = @id AND removed_at IS NULL AND (expires_at IS NULL OR expires_at > @now)", new { id, now }, ct);
        return View(row, roles[id], now);
    }

    public static RagException Missing(string id) => new(ErrorKind.NotFound, $"There is no key '{id}'.", "'rag keys list' shows the keys with their ids.");

    private async Task<IReadOnlyList<(Role Role, string? Collection)>> WantedAsync(NewKey wanted, CancellationToken ct)
    {
        var roles = (wanted.Roles ?? []).Select(AccessText.Role).Distinct().ToList();
        if (roles.Count == 0) throw new RagException(ErrorKind.Invalid, "The key has no role.", $"Give one at least: {string.Join(", ", AccessText.Roles)}.");
        var named = (wanted.Collections ?? []).Distinct().ToList();
        if (named.Count > 0 && !roles.Any(AccessText.OfCollections)) throw new RagException(ErrorKind.Invalid, "None of the roles is limited to collections.", "Leave the collections out, or give the role reader or writer.");
        var given = new List<(Role, string?)>();
        foreach (var role in roles)
        {
            if (named.Count == 0 || !AccessText.OfCollections(role)) given.Add((role, null));
            else foreach (string collection in named) given.Add((role, await grants.CollectionAsync(role, collection, ct)));
        }
        return given;
    }

    private TimeSpan Length(string text) => Durations.Parse(text, "how long the key holds", MinLength, TimeSpan.FromDays(options.MaxKeyDays));

    private static async Task<KeyRow> RequireAsync(DbTransaction tx, string id, CancellationToken ct)
    {
        var row = (await tx.Connection!.KeysAsync("WHERE id = @id", new { id }, ct, tx)).SingleOrDefault() ?? throw Missing(id);
        return row.RevokedAt is null ? row : throw new RagException(ErrorKind.Conflict, $"The key '{id}' is revoked.", "Make another: 'rag keys create'.");
    }

    private async Task<ILookup<string, string>> RolesAsync(DbConnection connection, string where, object values, CancellationToken ct)
    {
        var rows = (await connection.GrantsAsync(where, values, ct)).AsList();
        var names = await collections.AllAsync(ct);
        return rows.OrderBy(r => AccessText.Role(r.Role)).ThenBy(r => r.CreatedAt).ToLookup(r => r.Principal, r => AccessText.Show(AccessText.Role(r.Role), r.CollectionId is null ? null : names.GetValueOrDefault(r.CollectionId, r.CollectionId)));
    }

    private static KeyView View(KeyRow r, IEnumerable<string> roles, long now) => new(
        r.Id, r.Name, r.Owner, [.. roles], AccessRows.GroupList(r.Groups), r.RevokedAt is not null ? "revoked" : r.ExpiresAt <= now ? "expired" : "active", Clock.FromMicroseconds(r.CreatedAt), r.CreatedBy,
        Clock.FromMicroseconds(r.ExpiresAt), At(r.RevokedAt), At(r.LastUsedAt), r.RevokedAt is null && r.OldUntil > now ? At(r.OldUntil) : null, (int?)r.PerMinute, (int?)r.QuestionsPerDay);

    private static DateTimeOffset? At(long? at) => at is { } known ? Clock.FromMicroseconds(known) : null;
}
