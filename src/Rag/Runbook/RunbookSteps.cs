using Rag.Foundation;

namespace Rag.Runbook;

/// <summary>Takes results of steps into a run: what a caller did, or what the server runs for it.</summary>
internal sealed class RunbookSteps(RunbookText runbook, RunbookRecord record, ProductCommands commands, TimeProvider time)
{
    /// <param name="step">Id of a command, or number of a step without one.</param>
    /// <exception cref="RagException">NotFound: no such run or step; Invalid: the result says nothing, or the server does not run the command.</exception>
    public async Task<StepEvidence> RecordAsync(string runId, string step, StepResult result, CancellationToken ct)
    {
        var run = await record.GetAsync(runId, ct);
        if (run.EndedAt is not null) throw new RagException(ErrorKind.Conflict, $"The run {runId} has ended.", "Start another: evidence is not changed afterwards.");
        var section = runbook.Find(run.Section);
        var command = section.Commands.FirstOrDefault(c => c.Id == step);
        if (command is null && !section.Steps.Any(s => s.Id == step))
            throw new RagException(ErrorKind.NotFound, $"The section '{section.Slug}' has no step {step}.", $"Its steps are {string.Join(", ", section.Steps.SelectMany(s => s.Commands.Count == 0 ? [s.Id] : s.Commands.Select(c => c.Id)))}.");
        var evidence = result.Run ? await RunAsync(step, command, result, run, ct) : Told(step, result, run);
        await record.AddAsync(runId, evidence, ct);
        return evidence;
    }

    private async Task<StepEvidence> RunAsync(string step, RunbookCommand? command, StepResult result, RunbookRun run, CancellationToken ct)
    {
        if (command is null) throw new RagException(ErrorKind.Invalid, $"Step {step} has no command.", "Do it by hand, and record that it is done.");
        var started = time.GetUtcNow();
        var ran = await commands.RunAsync(command, ct);
        return new(Ids.New(time), step, command.Text, ran.ExitCode == 0 ? StepOutcome.Done : StepOutcome.Failed, ran.ExitCode, RunbookRecord.Tail(ran.Output), result.Note ?? "", started, time.GetUtcNow(), result.By ?? run.By);
    }

    private StepEvidence Told(string step, StepResult result, RunbookRun run)
    {
        var now = time.GetUtcNow();
        return new(
            result.Id ?? Ids.New(time), step, result.Command ?? "", result.Outcome ?? throw new RagException(ErrorKind.Invalid, "The result does not say how the step ended.", $"Send 'outcome': {string.Join(", ", StepOutcome.All)}; or 'run': true."),
            result.ExitCode, RunbookRecord.Tail(result.Output), result.Note ?? "", result.StartedAt is { } started && started < now ? started : now, now, result.By ?? run.By);
    }
}
