using System.Text.Json.Serialization;

namespace Rag.Maintenance;

/// <summary>The steps of the maintenance procedure, in their order: the runbook's five, the third of them in parts.</summary>
public static class MaintenanceStepName
{
    public const string ReadOnly = "read-only", Backup = "backup", Vacuum = "vacuum", Reindex = "reindex", Analyze = "analyze", Verify = "verify", RestoreNormal = "restore-normal";

    public static readonly IReadOnlyList<string> All = [ReadOnly, Backup, Vacuum, Reindex, Analyze, Verify, RestoreNormal];
}

/// <param name="EndedAt">Null while it is being done, or where the process that did it was killed.</param>
/// <param name="Detail">What it did, a sentence.</param>
public sealed record MaintenanceStep(string Step, DateTimeOffset StartedAt, DateTimeOffset? EndedAt, string? Detail);

/// <summary>A run of the maintenance procedure.</summary>
/// <param name="Until">When it is undone at the latest, done or not.</param>
/// <param name="Outcome"><c>done</c>, <c>failed</c> or <c>cancelled</c>; null while it runs. However it ended, writes are taken again.</param>
/// <param name="Problem">Why it failed.</param>
public sealed record MaintenanceRun(
    string Id, string Reason, string Owner, DateTimeOffset StartedAt, DateTimeOffset Until, bool WithBackup, string? Backup, DateTimeOffset? EndedAt, string? Outcome, string? Problem, IReadOnlyList<MaintenanceStep> Steps)
{
    public const string Done = "done", Failed = "failed", Cancelled = "cancelled";
}

/// <param name="For">How long it may take, and writes stay out, at most; 2 hours where it is left out.</param>
/// <param name="Backup">Whether a backup is made first; yes where it is left out.</param>
public sealed record StartMaintenance(string Reason, string? For = null, string? Owner = null, bool? Backup = null);

public sealed record MaintenanceRunList(IReadOnlyList<MaintenanceRun> Runs);

/// <summary>How the procedure makes a backup and reads it back; the slice that makes backups, which stands below this one, registers it.</summary>
/// <param name="CreateAsync">Makes one and returns its id when it is whole on disk; one that was interrupted is gone on with.</param>
/// <param name="VerifyAsync">Reads it back in full; throws where it is not what was written.</param>
internal sealed record MaintenanceBackup(Func<CancellationToken, Task<string>> CreateAsync, Func<string, CancellationToken, Task> VerifyAsync);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StartMaintenance))]
[JsonSerializable(typeof(MaintenanceRun))]
[JsonSerializable(typeof(MaintenanceRunList))]
[JsonSerializable(typeof(Dictionary<string, long>))]
internal sealed partial class MaintenanceRunJson : JsonSerializerContext;
