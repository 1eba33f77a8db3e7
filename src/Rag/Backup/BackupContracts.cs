using System.Text.Json.Serialization;

namespace Rag.Backup;

public sealed record BackupList(string Directory, IReadOnlyList<BackupInfo> Backups);

/// <summary>A backup with what is in it.</summary>
/// <param name="Tables">Rows and bytes of each table, before compression.</param>
/// <param name="Files">What else is in it.</param>
public sealed record BackupDetail(BackupInfo Backup, string Product, long Schema, string Key, IReadOnlyList<BackupTable> Tables, IReadOnlyList<string> Files, IReadOnlyDictionary<string, string> LeftOut);

public sealed record BackupTable(string Table, long Rows, long PlainBytes, long StoredBytes, string Digest);

public sealed record CreateBackup(string? Kind);

/// <param name="Into"><c>empty</c> (default) or <c>running</c>; one collection or document is always restored into a record in use.</param>
public sealed record RestoreBackup(string? Collection, string? Document, string? Into);

/// <param name="At">The point in time to go back to.</param>
/// <param name="Into"><c>empty</c> (default) or <c>running</c>.</param>
public sealed record RestoreToPoint(DateTimeOffset At, string? Into);

/// <summary>What reading all of it found.</summary>
public sealed record VerifiedBackup(string Id, long Rows, long Parts, long StoredBytes);

public sealed record OperationList(IReadOnlyList<BackupOperation> Operations);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(BackupList))]
[JsonSerializable(typeof(BackupDetail))]
[JsonSerializable(typeof(CreateBackup))]
[JsonSerializable(typeof(RestoreBackup))]
[JsonSerializable(typeof(RestoreToPoint))]
[JsonSerializable(typeof(RestoreResult))]
[JsonSerializable(typeof(VerifiedBackup))]
[JsonSerializable(typeof(OperationList))]
internal sealed partial class BackupJson : JsonSerializerContext;
