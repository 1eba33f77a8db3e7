using System.Text.Json.Serialization;

namespace Rag.Maintenance.Schedules;

/// <param name="Why"><c>planned</c>, <c>missed</c>, <c>asked</c> or <c>again</c> (the run before it was interrupted).</param>
/// <param name="PlannedAt">When it was due; null where somebody asked for it.</param>
/// <param name="StartedAt">Null while it waits for the leader.</param>
/// <param name="Outcome"><c>done</c>, <c>failed</c> or <c>interrupted</c>; null while it waits or runs.</param>
/// <param name="Detail">What it did, or why it failed.</param>
public sealed record ScheduleRunView(
    string Id, string Schedule, string Why, DateTimeOffset? PlannedAt, DateTimeOffset AskedAt, string AskedBy, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string? Outcome, string? Detail)
{
    public const string Planned = "planned", Missed = "missed", Asked = "asked", Again = "again", Done = "done", Failed = "failed", Interrupted = "interrupted";
}

/// <param name="Cron">When, in Quartz's notation, UTC; <c>off</c> where it never runs by itself.</param>
/// <param name="LastDone">When it was done last; null never.</param>
public sealed record ScheduleView(string Name, string What, string Cron, DateTimeOffset? Next, ScheduleRunView? Last, DateTimeOffset? LastDone);

public sealed record ScheduleList(IReadOnlyList<ScheduleView> Schedules);

public sealed record ScheduleRunList(IReadOnlyList<ScheduleRunView> Runs);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ScheduleList))]
[JsonSerializable(typeof(ScheduleRunList))]
[JsonSerializable(typeof(ScheduleRunView))]
internal sealed partial class ScheduleJson : JsonSerializerContext;
