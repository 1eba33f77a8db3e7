using System.Text.Json.Serialization;

namespace Rag.Audit;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IReadOnlyList<RecordedAccess>))]
[JsonSerializable(typeof(SpooledAccess))]
internal sealed partial class AuditJson : JsonSerializerContext;
