using System.Text.Json;
using System.Text.Json.Serialization;

namespace Rag.Audit;

/// <summary>A record as it is shown.</summary>
/// <param name="Subject">Pseudonym of who acted.</param>
/// <param name="Resource">What it was done to; absent once the subject is erased.</param>
/// <param name="Leaf">Its place in the tree, from 0; absent until it has one, about a second.</param>
/// <param name="Erased">The subject's key was destroyed: who, from where, on what and with which details is gone for good.</param>
/// <param name="Event">The event as OCSF API Activity (class 6003).</param>
public sealed record AuditRecordView(
    string Id, DateTimeOffset At, string Category, string Action, string Outcome, string Subject, AuditActorView? Actor, string? Resource, long? Leaf, bool Erased, JsonElement? Event);

public sealed record AuditActorView(string Kind, string Id, string Name, string? Address);

/// <param name="Next">Give it as <c>before</c> for the next page; absent on the last.</param>
public sealed record AuditRecordList(IReadOnlyList<AuditRecordView> Records, long? Next);

/// <summary>That a record is in the tree which a checkpoint signs.</summary>
/// <param name="Envelope">What the leaf commits to: the leaf's hash is SHA-256 of 0x00 and these bytes.</param>
/// <param name="Hashes">The proof (RFC 6962, 2.1.1), from the leaf upwards.</param>
/// <param name="Verified">That the server checked it; check it yourself with the checkpoint's signature.</param>
public sealed record AuditProof(string Id, long Leaf, byte[] Envelope, byte[] LeafHash, IReadOnlyList<byte[]> Hashes, long Size, string Checkpoint, bool Verified);

/// <summary>That a tree only adds to a smaller one (RFC 6962, 2.1.2).</summary>
public sealed record AuditConsistency(long First, long Second, IReadOnlyList<byte[]> Hashes);

/// <param name="Note">The checkpoint as a C2SP signed note.</param>
/// <param name="OutsideAt">When it was copied outside; absent until then.</param>
public sealed record AuditCheckpointView(long Size, DateTimeOffset SignedAt, DateTimeOffset? OutsideAt, string Note);

public sealed record AuditCheckpointList(IReadOnlyList<AuditCheckpointView> Checkpoints);

/// <summary>How much of the record is signed, and outside.</summary>
/// <param name="Size">Records under the newest checkpoint; 0 where there is none.</param>
/// <param name="OutsideAt">When the newest that is outside was copied there; null where none is.</param>
/// <param name="UncoveredSince">When the oldest record was written that is under no checkpoint outside; null where all are.</param>
public sealed record AuditStanding(long Size, DateTimeOffset? SignedAt, DateTimeOffset? OutsideAt, DateTimeOffset? UncoveredSince);

/// <param name="Verifier">The key as C2SP signed-note has it.</param>
public sealed record AuditKeyView(string Origin, string Verifier, string Pem);

/// <param name="Checkpoints">Notes to check against; those of the server's own folder where absent.</param>
public sealed record AuditVerifyRequest(IReadOnlyList<string>? Checkpoints = null);

/// <summary>What was checked, and what is wrong.</summary>
/// <param name="Records">Records with a place in the tree that were checked.</param>
/// <param name="Unsequenced">Records that have no place yet.</param>
/// <param name="Expired">Records that were kept for their time and are gone; their hashes stay.</param>
/// <param name="Sealed">Records whose subject was erased.</param>
/// <param name="Checkpoints">Signed checkpoints at whose size the root was computed and compared.</param>
/// <param name="OutsideSize">Records under the newest checkpoint outside.</param>
/// <param name="ProblemCount">All problems; the first of them are listed.</param>
public sealed record AuditVerification(
    bool Intact, long Records, long Unsequenced, long Expired, long Sealed, int Checkpoints, long OutsideSize, DateTimeOffset? OutsideAt, IReadOnlyList<string> Problems, long ProblemCount);

/// <param name="Subject">Kind and id, such as <c>user:u-17</c>, or the pseudonym.</param>
public sealed record AuditEraseRequest(string Subject, string? Reason = null);

public sealed record AuditErased(string Subject, long Records);

/// <param name="From">Records from this time on; from the first where absent.</param>
/// <param name="To">Records up to this time; to the last, those to come included, where absent.</param>
public sealed record AuditHoldRequest(string? Reason, string? Subject = null, DateTimeOffset? From = null, DateTimeOffset? To = null);

public sealed record AuditHoldView(string Id, string Reason, string? Subject, DateTimeOffset? From, DateTimeOffset? To, DateTimeOffset PlacedAt, DateTimeOffset? ReleasedAt);

public sealed record AuditHoldList(IReadOnlyList<AuditHoldView> Holds);

/// <param name="State"><c>open</c>, <c>closed</c>, <c>held</c> or <c>expired</c>.</param>
/// <param name="ExpiresAt">When its records go, unless a hold keeps them; absent while it is open.</param>
public sealed record AuditSegmentView(long FirstLeaf, long? EndLeaf, DateTimeOffset OpenedAt, DateTimeOffset? LastAt, string State, DateTimeOffset? ExpiresAt, DateTimeOffset? ExpiredAt);

/// <param name="Size">Records in the tree.</param>
/// <param name="Trouble">Why nothing is signed; absent where all is well, and on replicas that do not lead.</param>
public sealed record AuditSegmentList(long Size, string? Trouble, IReadOnlyList<AuditSegmentView> Segments);

/// <summary>First line of an export.</summary>
internal sealed record ExportHeader(int RagAuditExport, string Origin, long Size, string Checkpoint, DateTimeOffset ExportedAt, DateTimeOffset? From = null, DateTimeOffset? To = null, string? Category = null);

/// <summary>A line of an export: a record; or hashes of leaves that a filter leaves out; or a subtree of records that expired.</summary>
/// <param name="Key">Opens this record's envelope and no other; absent where the subject was erased.</param>
/// <param name="First">Place of the first of <paramref name="Hashes"/>.</param>
internal sealed record ExportLine(
    long? Leaf = null, byte[]? Envelope = null, byte[]? Key = null, JsonElement? Event = null, long? First = null, IReadOnlyList<byte[]>? Hashes = null, int? Level = null, long? Place = null, byte[]? Hash = null);

/// <summary>Last line of an export.</summary>
internal sealed record ExportEnd(long End, long Records);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(IReadOnlyList<RecordedAccess>))]
[JsonSerializable(typeof(SpooledAccess))]
[JsonSerializable(typeof(CheckpointLine))]
[JsonSerializable(typeof(AuditRecordList))]
[JsonSerializable(typeof(AuditProof))]
[JsonSerializable(typeof(AuditConsistency))]
[JsonSerializable(typeof(AuditCheckpointList))]
[JsonSerializable(typeof(AuditKeyView))]
[JsonSerializable(typeof(AuditVerifyRequest))]
[JsonSerializable(typeof(AuditVerification))]
[JsonSerializable(typeof(AuditEraseRequest))]
[JsonSerializable(typeof(AuditErased))]
[JsonSerializable(typeof(AuditHoldRequest))]
[JsonSerializable(typeof(AuditHoldList))]
[JsonSerializable(typeof(AuditSegmentList))]
[JsonSerializable(typeof(ExportHeader))]
[JsonSerializable(typeof(ExportLine))]
[JsonSerializable(typeof(ExportEnd))]
internal sealed partial class AuditJson : JsonSerializerContext;
