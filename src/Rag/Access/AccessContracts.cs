using System.Text.Json.Serialization;

namespace Rag.Access;

/// <param name="PrincipalKind">user, group or key.</param>
/// <param name="Principal">The user's subject at the provider, the group's name, or the key's id.</param>
/// <param name="Name">What people call the principal; absent where that is not known.</param>
/// <param name="Collection">Absent for all collections, and for roles that have none.</param>
public sealed record GrantView(string Id, string PrincipalKind, string Principal, string? Name, string Role, string? Collection, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset? ExpiresAt);

public sealed record GrantList(IReadOnlyList<GrantView> Grants);

/// <param name="Role">reader, writer, operator, auditor or admin.</param>
/// <param name="Collection">For reader and writer: the one that it is limited to.</param>
/// <param name="Expires">How long it holds, such as 30d; without end where it is left out.</param>
public sealed record NewGrant(string? PrincipalKind, string? Principal, string? Role, string? Collection = null, string? Expires = null);

public sealed record GrantChanged(GrantView Grant, bool Effective, IReadOnlyList<string> WaitingFor);

/// <param name="State">active, expired or revoked.</param>
/// <param name="Roles">What it may do, as <c>reader</c> or <c>reader:handbook</c>; that of its groups not among it.</param>
/// <param name="OldSecretUntil">The secret before the last rotation holds until then.</param>
public sealed record KeyView(
    string Id, string Name, string Owner, IReadOnlyList<string> Roles, IReadOnlyList<string> Groups, string State, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset ExpiresAt,
    DateTimeOffset? RevokedAt, DateTimeOffset? LastUsedAt, DateTimeOffset? OldSecretUntil, int? PerMinute, int? QuestionsPerDay);

public sealed record KeyList(IReadOnlyList<KeyView> Keys);

/// <param name="Owner">Whose it is, for those who review access; who makes it where it is left out.</param>
/// <param name="Roles">One at least.</param>
/// <param name="Collections">Those that reader and writer are limited to; all where it is left out.</param>
/// <param name="Groups">Groups whose documents and grants it has.</param>
/// <param name="Expires">How long it holds, such as 90d.</param>
/// <param name="PerMinute">In the place of Access:Limits:PerMinute.</param>
/// <param name="QuestionsPerDay">In the place of Access:Limits:QuestionsPerDay.</param>
public sealed record NewKey(
    string? Name, IReadOnlyList<string>? Roles, IReadOnlyList<string>? Collections = null, IReadOnlyList<string>? Groups = null, string? Owner = null, string? Expires = null, int? PerMinute = null, int? QuestionsPerDay = null);

/// <param name="Overlap">How long the secret before goes on, such as 24h; 0s ends it at once.</param>
/// <param name="Expires">How long the key holds from now; as long as before where it is left out.</param>
public sealed record RotateKey(string? Overlap = null, string? Expires = null);

/// <param name="Secret">The whole key. It is shown this once and kept nowhere.</param>
public sealed record KeyIssued(KeyView Key, string Secret, bool Effective, IReadOnlyList<string> WaitingFor);

public sealed record KeyChanged(KeyView Key, bool Effective, IReadOnlyList<string> WaitingFor);

/// <param name="Roles">As <c>reader</c> or <c>reader:handbook</c>.</param>
public sealed record WhoAmI(string Kind, string Id, string Name, IReadOnlyList<string> Roles, IReadOnlyList<string> Groups);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(GrantList))]
[JsonSerializable(typeof(NewGrant))]
[JsonSerializable(typeof(GrantChanged))]
[JsonSerializable(typeof(KeyList))]
[JsonSerializable(typeof(NewKey))]
[JsonSerializable(typeof(RotateKey))]
[JsonSerializable(typeof(KeyIssued))]
[JsonSerializable(typeof(KeyChanged))]
[JsonSerializable(typeof(WhoAmI))]
internal sealed partial class AccessJson : JsonSerializerContext;
