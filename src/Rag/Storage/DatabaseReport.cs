using System.Text.Json.Serialization;

namespace Rag.Storage;

/// <summary>How the record's engine is. <see cref="Problems"/> is empty when nothing is wrong.</summary>
/// <param name="LatencyMs">Round trips of the smallest statement, milliseconds, sorted.</param>
public sealed record DatabaseReport(
    string Engine, string Version, long SizeBytes, IReadOnlyList<double> LatencyMs, PoolReport? Pool, ReplicationReport? Replication,
    FileReport? File, IReadOnlyList<TableReport> Tables, IReadOnlyList<TransactionReport> Transactions, IReadOnlyList<DatabaseProblem> Problems);

/// <param name="Code">What it is, as programs know it: one word that never changes.</param>
/// <param name="Remedy">One sentence: what to do about it.</param>
public sealed record DatabaseProblem(string Code, string What, string Remedy);

/// <summary>Connections of one replica to the server, and of everybody.</summary>
public sealed record PoolReport(long Open, long Active, int Max, long ServerConnections, long ServerMax);

/// <param name="Role"><c>primary</c> or <c>standby</c>.</param>
/// <param name="LagSeconds">On a standby, the age of the last transaction that it has replayed.</param>
public sealed record ReplicationReport(string Role, double? LagSeconds, IReadOnlyList<StandbyReport> Standbys);

public sealed record StandbyReport(string Name, string State, string Sync, long LagBytes);

/// <summary>An SQLite record: its write-ahead log, and pages that deletions left free.</summary>
public sealed record FileReport(long WalBytes, long FreePages, long Pages, bool Intact);

/// <param name="DeadRows">Rows that updates and deletions left and that nobody has cleared away yet: the bloat, as estimated by the server.</param>
public sealed record TableReport(string Table, long SizeBytes, long LiveRows, long DeadRows);

/// <param name="WaitsFor">What it waits for, where it waits.</param>
public sealed record TransactionReport(string Application, string State, double AgeSeconds, string? WaitsFor, int BlockedBy);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DatabaseReport))]
internal sealed partial class StorageJson : JsonSerializerContext;
