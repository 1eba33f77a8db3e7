using System.Text.Json.Serialization;

namespace Rag.Runbook;

/// <summary>How a step ended.</summary>
public static class StepOutcome
{
    /// <summary>The command ended with exit code 0, or a person did it.</summary>
    public const string Done = "done";
    /// <summary>The command ended with another exit code, or did not end in time.</summary>
    public const string Failed = "failed";
    /// <summary>It was shown and not run; the note says why.</summary>
    public const string Skipped = "skipped";

    public static readonly IReadOnlyList<string> All = [Done, Failed, Skipped];
}

/// <summary>Evidence of one step.</summary>
/// <param name="Id">UUIDv7; sending the same twice records it once.</param>
/// <param name="Step">As <see cref="RunbookCommand.Id"/>, or the number of a step without a command.</param>
/// <param name="Command">As it was run, values put in; empty where a person did it by hand.</param>
/// <param name="Outcome">One of <see cref="StepOutcome"/>.</param>
/// <param name="ExitCode">Null where nothing was run.</param>
/// <param name="Output">What it printed, the end of it where that was much.</param>
public sealed record StepEvidence(
    string Id, string Step, string Command, string Outcome, int? ExitCode, string Output, string Note, DateTimeOffset StartedAt, DateTimeOffset EndedAt, string By);

/// <summary>A walk through a section.</summary>
/// <param name="RunbookSha256">Of the runbook's text, as the release has it.</param>
/// <param name="Outcome"><c>done</c>, <c>failed</c> where a step failed, or <c>stopped</c>; null while it goes on.</param>
public sealed record RunbookRun(
    string Id, string Section, string Title, string RunbookSha256, string Version, DateTimeOffset StartedAt, string By, DateTimeOffset? EndedAt, string? Outcome, IReadOnlyList<StepEvidence> Steps)
{
    public const string Done = "done", Failed = "failed", Stopped = "stopped";
}

/// <summary>A run in a list, without its steps.</summary>
public sealed record RunSummary(string Id, string Section, string Title, DateTimeOffset StartedAt, string By, DateTimeOffset? EndedAt, string? Outcome, long Steps, long FailedSteps);

public sealed record RunList(IReadOnlyList<RunSummary> Runs);

/// <param name="Slug">For /admin/v1/runbook/sections/{slug}.</param>
public sealed record SectionSummary(string Slug, string Title, int Level, string Chapter, int Steps, int Commands, int ChangingCommands);

public sealed record SectionList(string RunbookSha256, IReadOnlyList<SectionSummary> Sections);

public sealed record StartRun(string Section, string By);

/// <summary>A step's result as the caller has it, or with <c>run</c> the wish that the server runs the command itself.</summary>
/// <param name="Run">Only for commands of the product that read.</param>
public sealed record StepResult(
    string? Id = null, string? Outcome = null, string? Command = null, int? ExitCode = null, string? Output = null, string? Note = null, DateTimeOffset? StartedAt = null, string? By = null, bool Run = false);

public sealed record EndRun(string Outcome);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RunbookRun))]
[JsonSerializable(typeof(RunList))]
[JsonSerializable(typeof(SectionList))]
[JsonSerializable(typeof(RunbookSection))]
[JsonSerializable(typeof(StartRun))]
[JsonSerializable(typeof(StepResult))]
[JsonSerializable(typeof(EndRun))]
[JsonSerializable(typeof(StepEvidence))]
internal sealed partial class RunbookJson : JsonSerializerContext;
