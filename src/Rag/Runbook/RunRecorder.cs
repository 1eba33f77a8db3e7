using Rag.Foundation;
using Rag.Foundation.Commands;

namespace Rag.Runbook;

/// <summary>
/// Sends the results of a walk to the server as they come. A walk goes on while the server or its record is away, which may
/// be why it is walked: what waits is sent with the next result, and at the end.
/// </summary>
internal sealed class RunRecorder(ApiClient api)
{
    private readonly Queue<StepEvidence> _waiting = new();
    private string? _run;

    /// <summary>Why something is not recorded; null where all is.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Null where the server cannot record now.</summary>
    public async Task<RunbookRun?> StartAsync(RunbookSection section, string by, CancellationToken ct)
    {
        try
        {
            var run = await api.PostAsync("/admin/v1/runbook/runs", new StartRun(section.Slug, by), RunbookJson.Default.StartRun, RunbookJson.Default.RunbookRun, ct);
            _run = run.Id;
            return run;
        }
        catch (Exception e) when (Passes(e, ct))
        {
            Trouble = e.Message;
            return null;
        }
    }

    public async Task AddAsync(StepEvidence step, CancellationToken ct)
    {
        if (_run is null) return;
        _waiting.Enqueue(step);
        try
        {
            while (_waiting.TryPeek(out var next))
            {
                await api.PostAsync($"/admin/v1/runbook/runs/{_run}/steps/{next.Step}", new StepResult(next.Id, next.Outcome, next.Command, next.ExitCode, next.Output, next.Note, next.StartedAt, next.By), RunbookJson.Default.StepResult, RunbookJson.Default.StepEvidence, ct);
                _waiting.Dequeue();
            }
            Trouble = null;
        }
        catch (Exception e) when (Passes(e, ct))
        {
            Trouble = e.Message;
        }
    }

    public async Task EndAsync(string outcome, CancellationToken ct)
    {
        if (_run is null) return;
        if (_waiting.TryDequeue(out var first))
        {
            // Sends it and all behind it; recording the same twice records it once.
            var rest = _waiting.ToList();
            _waiting.Clear();
            await AddAsync(first, ct);
            foreach (var step in rest) await AddAsync(step, ct);
        }
        if (_waiting.Count > 0) return;
        try
        {
            await api.PostAsync($"/admin/v1/runbook/runs/{_run}/end", new EndRun(outcome), RunbookJson.Default.EndRun, RunbookJson.Default.RunbookRun, ct);
        }
        catch (Exception e) when (Passes(e, ct))
        {
            Trouble = e.Message;
        }
    }

    /// <summary>The server does not answer, or not in time.</summary>
    private static bool Passes(Exception e, CancellationToken ct) => e is RagException || (e is OperationCanceledException && !ct.IsCancellationRequested);
}
