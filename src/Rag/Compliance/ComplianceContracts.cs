using System.Text.Json.Serialization;

namespace Rag.Compliance;

public sealed record ReviewList(IReadOnlyList<ReviewStatus> Reviews);

/// <param name="Notes">What was decided; needed where the review found something to decide.</param>
public sealed record ReviewDone(string? Notes = null);

/// <param name="Month">As 2026-10; the month before this one where it is absent.</param>
public sealed record MakeReport(string? Month = null);

public sealed record ReportList(IReadOnlyList<ReportEntry> Reports);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ReviewList))]
[JsonSerializable(typeof(ReviewDone))]
[JsonSerializable(typeof(DoneReview))]
[JsonSerializable(typeof(ReviewEvidence))]
[JsonSerializable(typeof(AccessReport))]
[JsonSerializable(typeof(MakeReport))]
[JsonSerializable(typeof(ComplianceReport))]
[JsonSerializable(typeof(ReportList))]
internal sealed partial class ComplianceJson : JsonSerializerContext;
