using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Foundation;

namespace Rag.Storage.Leadership;

/// <summary>Work that is done by one process of all that share the record.</summary>
/// <param name="Every">From the end of one run to the start of the next.</param>
internal sealed record LeaderJob(string Name, TimeSpan Every, Func<LeaderTerm, CancellationToken, Task> RunAsync);

/// <summary>
/// Runs the jobs that slices register, one after the other, while this process leads: first when a term begins, then each
/// in its interval. A job that fails is tried again after a while that doubles up to its interval.
/// </summary>
internal sealed class LeaderJobs(IEnumerable<LeaderJob> jobs, Leader leader, TimeProvider time, ILogger<LeaderJobs> log) : BackgroundService
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500), FirstRetry = TimeSpan.FromSeconds(1);

    private sealed class State(LeaderJob job)
    {
        public LeaderJob Job => job;
        public long EndedAt;
        public TimeSpan Wait = TimeSpan.Zero;
        public TimeSpan Retry = FirstRetry;
    }

    private readonly List<State> _states = [.. jobs.Select(j => new State(j))];
    private long? _epoch;

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await RunDueAsync(stop);
            await Task.Delay(Look, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Runs what is due now, where this process leads.</summary>
    public async Task RunDueAsync(CancellationToken ct)
    {
        if (leader.Term is not { } term) return;
        if (_epoch != term.Epoch) foreach (var state in _states) state.Wait = TimeSpan.Zero;
        _epoch = term.Epoch;
        foreach (var state in _states)
        {
            if (time.GetElapsedTime(state.EndedAt) < state.Wait) continue;
            try
            {
                await state.Job.RunAsync(term, ct);
                (state.Wait, state.Retry) = (state.Job.Every, FirstRetry);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (e is RagException { Kind: ErrorKind.Conflict }) log.JobRefused(state.Job.Name, term.Epoch);
                else log.JobFailed(e, state.Job.Name);
                state.Wait = state.Retry;
                state.Retry = state.Retry * 2 < state.Job.Every ? state.Retry * 2 : state.Job.Every;
            }
            state.EndedAt = time.GetTimestamp();
        }
    }
}
