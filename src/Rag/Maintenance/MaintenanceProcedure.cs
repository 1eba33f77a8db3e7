using System.Data.Common;
using System.Text.Json;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Maintenance;

/// <summary>
/// The runbook's database maintenance as one procedure: writes out, backup, work on the files, verification, writes in again.
/// The leader does it, a step at a time, each on the record before the next begins: after a kill the run goes on at the step
/// that was not done, here or on the next leader. A step that fails, a time that is over, somebody who cancels: the run is
/// undone, which ends read-only mode in the transaction that says so. Nothing of it leaves writes out for longer than it said.
/// </summary>
internal sealed class MaintenanceProcedure(
    Database database, MaintenanceRuns runs, ReadOnlyMode readOnly, AuditTrail audit, Leader leader, RecordState record, TimeProvider time, ILogger<MaintenanceProcedure> log, MaintenanceBackup? backup = null) : BackgroundService
{
    private const string OverTime = "Its time was over before it was done.";
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    /// <summary>Why a run is undone, in words.</summary>
    private sealed class UndoneException(string outcome, string problem) : Exception(problem)
    {
        public string Outcome => outcome;
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!record.Away && leader.Term is { } term) await RunDueAsync(term, stop);
            }
            catch (Exception e) when (e is RagException or DbException or OperationCanceledException)
            {
                if (!stop.IsCancellationRequested && !record.Away) log.MaintenanceWaits("that is due", e.Message);
            }
            await Task.Delay(Look, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Does what is not done of the run that is open, where there is one, to its end.</summary>
    public async Task RunDueAsync(LeaderTerm term, CancellationToken ct)
    {
        if (await runs.OpenAsync(ct) is not { } run) return;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        (string Outcome, string Problem)? stopped = null;
        var watch = WatchAsync(run, term, (outcome, why) => stopped = (outcome, why), limit);
        try
        {
            if (time.GetUtcNow() >= run.Until) throw new UndoneException(MaintenanceRun.Failed, OverTime);
            foreach (string step in MaintenanceStepName.All)
            {
                if (run.Steps.Any(s => s.Step == step && s.EndedAt is not null)) continue;
                log.MaintenanceGoesOn(run.Id, step);
                if (step != MaintenanceStepName.ReadOnly && !await readOnly.HoldsForAsync(run.Id, limit.Token))
                    throw new UndoneException(MaintenanceRun.Failed, "Read-only mode had ended before the maintenance was done.");
                await StepAsync(term, run, step, limit.Token);
                run = await runs.GetAsync(run.Id, limit.Token);
            }
            log.MaintenanceDone(run.Id);
        }
        catch (Exception e)
        {
            // Where this process stops, leads no more, or has lost the record, whoever leads next goes on.
            if (ct.IsCancellationRequested || leader.Term?.Epoch != term.Epoch) return;
            if (!await AnswersAsync())
            {
                log.MaintenanceWaits(run.Id, e.Message);
                return;
            }
            var (outcome, problem) = e is UndoneException undone ? (undone.Outcome, undone.Message)
                : stopped is { } why ? (why.Outcome, why.Problem)
                : (MaintenanceRun.Failed, e is RagException r ? $"{r.Message} {r.Remedy}" : e.Message);
            await UndoAsync(term, run.Id, outcome, problem);
        }
        finally
        {
            await limit.CancelAsync();
            await watch;
        }
    }

    private async Task StepAsync(LeaderTerm term, MaintenanceRun run, string step, CancellationToken ct)
    {
        await runs.BeginStepAsync(term, run.Id, step, ct);
        switch (step)
        {
            case MaintenanceStepName.ReadOnly:
                await term.WriteAsync(async tx =>
                {
                    await readOnly.BeginForAsync(tx, run.Id, run.Reason, run.Owner, run.Until);
                    string rows = JsonSerializer.Serialize(await CountAsync(tx.Connection!, tx), MaintenanceRunJson.Default.DictionaryStringInt64);
                    await tx.Connection!.ExecuteAsync("UPDATE maintenance_runs SET rows_before = @rows WHERE id = @Id", new { rows, run.Id }, tx);
                    await runs.EndStepAsync(tx, run.Id, step, $"Writes are refused until {run.Until:yyyy-MM-dd HH:mm} UTC at the latest.");
                    return 0;
                }, ct);
                await readOnly.SpreadAsync(ct);
                return;
            case MaintenanceStepName.RestoreNormal:
                await term.WriteAsync(async tx =>
                {
                    await runs.EndStepAsync(tx, run.Id, step, "Writes are taken again.");
                    await EndAsync(tx, run.Id, MaintenanceRun.Done, null);
                    return 0;
                }, CancellationToken.None);
                await readOnly.SpreadAsync(CancellationToken.None);
                return;
            default:
                string detail = step switch
                {
                    MaintenanceStepName.Backup => await BackUpAsync(term, run, ct),
                    MaintenanceStepName.Vacuum => await database.TendAsync(Tending.Vacuum, ct),
                    MaintenanceStepName.Reindex => await database.TendAsync(Tending.Reindex, ct),
                    MaintenanceStepName.Analyze => await database.TendAsync(Tending.Analyze, ct),
                    _ => await VerifyAsync(run, ct),
                };
                await term.WriteAsync(async tx =>
                {
                    await runs.EndStepAsync(tx, run.Id, step, detail);
                    return 0;
                }, ct);
                return;
        }
    }

    private async Task<string> BackUpAsync(LeaderTerm term, MaintenanceRun run, CancellationToken ct)
    {
        if (!run.WithBackup) return "None was asked for.";
        if (backup is null) throw new UndoneException(MaintenanceRun.Failed, "This service makes no backups.");
        string id = await backup.CreateAsync(ct);
        await term.WriteAsync(tx => tx.Connection!.ExecuteAsync("UPDATE maintenance_runs SET backup_id = @made WHERE id = @Id", new { made = id, run.Id }, tx), ct);
        return $"Backup {id}.";
    }

    /// <summary>The record is sound, holds what it held before, and refused every write meanwhile; the backup can be read back.</summary>
    private async Task<string> VerifyAsync(MaintenanceRun run, CancellationToken ct)
    {
        var report = await database.InspectAsync(ct);
        if (report.Problems.Count > 0) throw new UndoneException(MaintenanceRun.Failed, $"The record is not sound: {string.Join(" ", report.Problems)}");
        var before = JsonSerializer.Deserialize(await runs.RowsBeforeAsync(run.Id, ct) ?? "{}", MaintenanceRunJson.Default.DictionaryStringInt64)!;
        foreach (var (table, rows) in before)
            if (report.Rows.GetValueOrDefault(table, -1) is var now && now != rows) throw new UndoneException(MaintenanceRun.Failed, $"Table {table} had {rows:N0} rows before the maintenance and has {now:N0} now.");
        if (run.Backup is not { } id) return report.Checked;
        await backup!.VerifyAsync(id, ct);
        return $"{report.Checked} Backup {id} was read back.";
    }

    private static async Task<Dictionary<string, long>> CountAsync(DbConnection connection, DbTransaction tx)
    {
        var rows = new Dictionary<string, long>();
        foreach (string table in ReadOnlyMode.Tables) rows[table] = await connection.ExecuteScalarAsync<long>(new CommandDefinition($"SELECT COUNT(*) FROM {table}", transaction: tx, commandTimeout: Database.LongCommandSeconds));
        return rows;
    }

    private async Task UndoAsync(LeaderTerm term, string run, string outcome, string problem)
    {
        await term.WriteAsync(async tx =>
        {
            await EndAsync(tx, run, outcome, problem);
            return 0;
        }, CancellationToken.None);
        log.MaintenanceUndone(run, problem);
        await readOnly.SpreadAsync(CancellationToken.None);
    }

    /// <summary>In one transaction: the run has ended, and so has read-only mode.</summary>
    private async Task EndAsync(DbTransaction tx, string run, string outcome, string? problem)
    {
        await audit.AppendAsync(tx, AuditEvent.Administrative("maintenance.end", "maintenance:" + run, new Dictionary<string, string> { ["outcome"] = outcome, ["problem"] = problem ?? "" }) with { Succeeded = outcome == MaintenanceRun.Done });
        await tx.Connection!.ExecuteAsync("UPDATE maintenance_runs SET ended_at = @now, outcome = @outcome, problem = @problem WHERE id = @run", new { now = time.Microseconds(), outcome, problem, run }, tx);
        await readOnly.EndForAsync(tx, run);
    }

    /// <summary>Stops the work when its time is over, somebody cancels it, or this process leads no more.</summary>
    private async Task WatchAsync(MaintenanceRun run, LeaderTerm term, Action<string, string> say, CancellationTokenSource limit)
    {
        while (!limit.IsCancellationRequested)
        {
            await Task.Delay(Look, time, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (limit.IsCancellationRequested) return;
            try
            {
                string? by = null;
                if (time.GetUtcNow() >= run.Until) say(MaintenanceRun.Failed, OverTime);
                else if ((by = await runs.CancelledByAsync(run.Id, limit.Token)) is not null) say(MaintenanceRun.Cancelled, $"Cancelled by {by}.");
                if (time.GetUtcNow() >= run.Until || by is not null || leader.Term?.Epoch != term.Epoch) await limit.CancelAsync();
            }
            catch (Exception e) when (e is RagException or DbException or OperationCanceledException)
            {
                // The record is away for a moment; the time and the lease go on all the same.
            }
        }
    }

    /// <summary>Whether the record answers now: what failed was then the step, and not the record.</summary>
    private async Task<bool> AnswersAsync()
    {
        try
        {
            await runs.OpenAsync(CancellationToken.None);
            return true;
        }
        catch (Exception e) when (e is RagException or DbException)
        {
            return false;
        }
    }
}
