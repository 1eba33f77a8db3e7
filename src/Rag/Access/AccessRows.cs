using System.Data.Common;
using Dapper;

namespace Rag.Access;

internal sealed record KeyRow(
    string Id, string Name, string Owner, string Groups, string SecretHash, string? OldHash, long? OldUntil, long? PerMinute, long? QuestionsPerDay,
    long CreatedAt, string CreatedBy, long IssuedAt, long ExpiresAt, long? RevokedAt, long? LastUsedAt);

internal sealed record GrantRow(string Id, string PrincipalKind, string Principal, string Role, string? CollectionId, long CreatedAt, string CreatedBy, long? ExpiresAt, long? RemovedAt);

internal sealed record SessionRow(string Hash, string Kind, string Principal, string Name, string Groups, long LastUsedAt, long ExpiresAt, long? EndedAt);

internal sealed record FormKeyRow(string Id, string Content, long Sealed);

/// <summary>What the tables of this slice hold, read in one place.</summary>
internal static class AccessRows
{
    private const string Keys = """
        SELECT id AS Id, name AS Name, owner AS Owner, groups AS Groups, secret_hash AS SecretHash, old_hash AS OldHash, old_until AS OldUntil, per_minute AS PerMinute, questions_per_day AS QuestionsPerDay,
          created_at AS CreatedAt, created_by AS CreatedBy, issued_at AS IssuedAt, expires_at AS ExpiresAt, revoked_at AS RevokedAt, last_used_at AS LastUsedAt FROM api_keys
        """;

    private const string Grants = """
        SELECT id AS Id, principal_kind AS PrincipalKind, principal AS Principal, role AS Role, collection_id AS CollectionId, created_at AS CreatedAt, created_by AS CreatedBy, expires_at AS ExpiresAt,
          removed_at AS RemovedAt FROM grants
        """;

    public static Task<IEnumerable<KeyRow>> KeysAsync(this DbConnection connection, string where, object values, CancellationToken ct, DbTransaction? tx = null) =>
        connection.QueryAsync<KeyRow>(new CommandDefinition($"{Keys} {where}", values, tx, cancellationToken: ct));

    public static Task<IEnumerable<GrantRow>> GrantsAsync(this DbConnection connection, string where, object values, CancellationToken ct, DbTransaction? tx = null) =>
        connection.QueryAsync<GrantRow>(new CommandDefinition($"{Grants} {where}", values, tx, cancellationToken: ct));

    public static Task<IEnumerable<SessionRow>> SessionsAsync(this DbConnection connection, string where, object values, CancellationToken ct) =>
        connection.QueryAsync<SessionRow>(new CommandDefinition(
            $"SELECT hash AS Hash, kind AS Kind, principal AS Principal, name AS Name, groups AS Groups, last_used_at AS LastUsedAt, expires_at AS ExpiresAt, ended_at AS EndedAt FROM sessions {where}", values, cancellationToken: ct));

    public static Task<IEnumerable<FormKeyRow>> FormKeysAsync(this DbConnection connection, string where, object values, CancellationToken ct, DbTransaction? tx = null) =>
        connection.QueryAsync<FormKeyRow>(new CommandDefinition($"SELECT id AS Id, content AS Content, sealed AS Sealed FROM form_keys {where}", values, tx, cancellationToken: ct));

    public static IReadOnlyList<string> GroupList(string groups) => groups.Length == 0 ? [] : groups.Split('\n');

    public static string GroupText(IReadOnlyList<string> groups) => string.Join('\n', groups);

    public static KnownKey Known(KeyRow r) => new(
        r.Id, r.Name, GroupList(r.Groups), Convert.FromHexString(r.SecretHash), r.OldHash is null ? null : Convert.FromHexString(r.OldHash), r.OldUntil ?? 0, r.ExpiresAt, (int?)r.PerMinute, (int?)r.QuestionsPerDay);

    public static KnownGrant Known(GrantRow r) => new(r.Id, r.PrincipalKind, r.Principal, Enum.Parse<Role>(r.Role, ignoreCase: true), r.CollectionId, r.ExpiresAt);

    public static KnownSession Known(SessionRow r) => new(r.Hash, r.Kind, r.Principal, r.Name, GroupList(r.Groups), r.ExpiresAt) { UsedAt = r.LastUsedAt };
}
