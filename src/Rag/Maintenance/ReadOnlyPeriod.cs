using System.Text.Json.Serialization;

namespace Rag.Maintenance;

/// <summary>A time during which nothing was written to the documents.</summary>
/// <param name="Owner">Who answers for it.</param>
/// <param name="Until">When it ends by itself at the latest.</param>
/// <param name="Run">The run of the maintenance procedure that it belongs to; null where somebody turned it on by hand.</param>
public sealed record ReadOnlyPeriod(string Id, string Reason, string Owner, DateTimeOffset Since, DateTimeOffset Until, DateTimeOffset? EndedAt, string? EndedBy, string? Run);

/// <param name="For">How long at most, such as <c>2h</c>.</param>
/// <param name="Owner">Who answers for it; whoever asks where it is left out.</param>
public sealed record TurnReadOnly(string Reason, string For, string? Owner = null);

/// <param name="Period">The present one; null where writes are taken.</param>
/// <param name="Guarded">Tables that the database itself keeps writes out of now.</param>
/// <param name="Behind">Replicas that did not say in time that they know; the database refuses their writes all the same.</param>
public sealed record ReadOnlyStatus(bool On, ReadOnlyPeriod? Period, IReadOnlyList<string> Guarded, IReadOnlyList<string> Behind, IReadOnlyList<ReadOnlyPeriod> Earlier);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TurnReadOnly))]
[JsonSerializable(typeof(ReadOnlyStatus))]
internal sealed partial class ReadOnlyJson : JsonSerializerContext;
