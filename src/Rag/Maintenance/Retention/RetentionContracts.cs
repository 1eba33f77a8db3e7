using System.Text.Json.Serialization;

namespace Rag.Maintenance.Retention;

/// <summary>One kind of thing with what is kept of it.</summary>
/// <param name="Problem">Why it could not be looked at, or removed.</param>
public sealed record RetentionView(
    string Rule, string Policy, long Kept, DateTimeOffset? Oldest, long Due, long Held, string? Remark, DateTimeOffset? LastRemovedAt, long RemovedLastYear, string? Problem = null);

/// <summary>That something was removed.</summary>
public sealed record RetentionDeletion(string Run, string Rule, DateTimeOffset DeletedAt, long Deleted, DateTimeOffset? Oldest, DateTimeOffset? Newest, string Why);

/// <param name="Rule">What it holds; <c>all</c> for everything.</param>
public sealed record RetentionHold(
    string Id, string Rule, string Reason, DateTimeOffset? From, DateTimeOffset? To, DateTimeOffset PlacedAt, string PlacedBy, DateTimeOffset? ReleasedAt, string? ReleasedBy);

public sealed record RetentionStatus(IReadOnlyList<RetentionView> Rules, IReadOnlyList<RetentionHold> Holds, IReadOnlyList<RetentionDeletion> Deletions);

/// <param name="Rule">Name of a rule, or <c>all</c>.</param>
/// <param name="From">Things from then on; from the beginning where it is left out.</param>
/// <param name="To">Things until then; without an end where it is left out.</param>
public sealed record PlaceHold(string Rule, string Reason, DateTimeOffset? From = null, DateTimeOffset? To = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RetentionStatus))]
[JsonSerializable(typeof(PlaceHold))]
[JsonSerializable(typeof(RetentionHold))]
internal sealed partial class RetentionJson : JsonSerializerContext;
