using System.Data.Common;
using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Runbook;

/// <summary>Runs and their steps in the record: evidence, which is added to and never changed.</summary>
internal sealed class RunbookRecord(Database database, RunbookText runbook, AuditTrail audit, TimeProvider time)
{
    public const int MaxOutputChars = 16_000, MaxNoteChars = 2_000, MaxByChars = 200, MaxCommandChars = 4_000;
    private const int MaxSteps = 200, ListedRuns = 100;

    public async Task<RunbookRun> StartAsync(RunbookSection section, string by, CancellationToken ct)
    {
        if (section.Steps.Count == 0) throw new RagException(ErrorKind.Invalid, $"The section '{section.Slug}' has no steps.", "Choose one with steps: 'rag runbook' lists them.");
        var run = new RunbookRun(Ids.New(time), section.Slug, section.Title, runbook.Digest, Version, Now(), Bounded(by, "by", MaxByChars, "someone"), null, null, []);
        await database.WriteAsync(async tx =>
        {
            await audit.AppendAsync(tx, AuditEvent.Administrative("runbook.run.start", "run:" + run.Id, new Dictionary<string, string> { ["section"] = run.Section, ["runbook_sha256"] = run.RunbookSha256 }));
            await tx.Connection!.ExecuteAsync(
                """
                INSERT INTO runbook_runs (id, section, title, runbook_sha256, version, started_at, started_by)
                VALUES (@Id, @Section, @Title, @RunbookSha256, @Version, @at, @By)
                """, new { run.Id, run.Section, run.Title, run.RunbookSha256, run.Version, at = Clock.ToMicroseconds(run.StartedAt), run.By }, tx);
        }, ct);
        return run;
    }

    /// <exception cref="RagException">NotFound: no such run; Conflict: it has ended, or has as many steps as it may.</exception>
    public async Task AddAsync(string runId, StepEvidence step, CancellationToken ct)
    {
        if (!StepOutcome.All.Contains(step.Outcome)) throw new RagException(ErrorKind.Invalid, $"'{step.Outcome}' is not how a step ends.", $"Send one of: {string.Join(", ", StepOutcome.All)}.");
        if (!Guid.TryParse(step.Id, out var id)) throw new RagException(ErrorKind.Invalid, "The id of the result is not a UUID.", "Leave it out, or send a UUID of version 7.");
        var row = new
        {
            id = id.ToString(), runId, step.Step, command = Bounded(step.Command, "command", MaxCommandChars, ""), step.Outcome, exit = (long?)step.ExitCode, output = Tail(step.Output),
            note = Bounded(step.Note, "note", MaxNoteChars, ""), started = Clock.ToMicroseconds(step.StartedAt), ended = Clock.ToMicroseconds(step.EndedAt), by = Bounded(step.By, "by", MaxByChars, "someone"),
        };
        await database.WriteAsync(async tx =>
        {
            var run = await tx.Connection!.QuerySingleOrDefaultAsync<(string Id, long? EndedAt)>($"SELECT id, ended_at FROM runbook_runs WHERE id = @runId {database.Dialect.LockRows}", new { runId }, tx);
            if (run.Id is null) throw Absent(runId);
            if (run.EndedAt is not null) throw new RagException(ErrorKind.Conflict, $"The run {runId} has ended.", "Start another: evidence is not changed afterwards.");
            if (await tx.Connection!.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM runbook_steps WHERE run_id = @runId", new { runId }, tx) >= MaxSteps)
                throw new RagException(ErrorKind.Conflict, $"The run {runId} has {MaxSteps} results, which is the most.", "End it and start another.");
            // Sent again it is there already, and was recorded then.
            int added = await tx.Connection!.ExecuteAsync(
                """
                INSERT INTO runbook_steps (id, run_id, step, command, outcome, exit_code, output, note, started_at, ended_at, done_by)
                VALUES (@id, @runId, @Step, @command, @Outcome, @exit, @output, @note, @started, @ended, @by)
                ON CONFLICT (id) DO NOTHING
                """, row, tx);
            if (added > 0) await audit.AppendAsync(tx, AuditEvent.Administrative("runbook.step", "run:" + runId, new Dictionary<string, string> { ["step"] = step.Step, ["outcome"] = step.Outcome, ["command"] = row.command }));
        }, ct);
    }

    public async Task EndAsync(string runId, string outcome, CancellationToken ct)
    {
        if (outcome is not (RunbookRun.Done or RunbookRun.Failed or RunbookRun.Stopped)) throw new RagException(ErrorKind.Invalid, $"'{outcome}' is not how a run ends.", "Send done, failed or stopped.");
        int ended = await database.WriteAsync(async tx =>
        {
            int changed = await tx.Connection!.ExecuteAsync("UPDATE runbook_runs SET ended_at = @at, outcome = @outcome WHERE id = @runId AND ended_at IS NULL", new { at = time.Microseconds(), outcome, runId }, tx);
            if (changed > 0) await audit.AppendAsync(tx, AuditEvent.Administrative("runbook.run.end", "run:" + runId, new Dictionary<string, string> { ["outcome"] = outcome }));
            return changed;
        }, ct);
        if (ended == 0 && (await GetAsync(runId, ct)).EndedAt is not null) throw new RagException(ErrorKind.Conflict, $"The run {runId} has ended already.", "Evidence is not changed afterwards.");
    }

    /// <exception cref="RagException">NotFound: no such run.</exception>
    public async Task<RunbookRun> GetAsync(string runId, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var run = await connection.QuerySingleOrDefaultAsync<RunRow>(new CommandDefinition(
            "SELECT id AS Id, section AS Section, title AS Title, runbook_sha256 AS Sha, version AS Version, started_at AS StartedAt, started_by AS StartedBy, ended_at AS EndedAt, outcome AS Outcome FROM runbook_runs WHERE id = @runId",
            new { runId }, cancellationToken: ct)) ?? throw Absent(runId);
        var steps = await connection.QueryAsync<StepRow>(new CommandDefinition(
            "SELECT id AS Id, step AS Step, command AS Command, outcome AS Outcome, exit_code AS ExitCode, output AS Output, note AS Note, started_at AS StartedAt, ended_at AS EndedAt, done_by AS DoneBy FROM runbook_steps WHERE run_id = @runId ORDER BY ended_at, id",
            new { runId }, cancellationToken: ct));
        return new(run.Id, run.Section, run.Title, run.Sha, run.Version, Clock.FromMicroseconds(run.StartedAt), run.StartedBy, run.EndedAt is { } ended ? Clock.FromMicroseconds(ended) : null, run.Outcome,
            [.. steps.Select(s => new StepEvidence(s.Id, s.Step, s.Command, s.Outcome, (int?)s.ExitCode, s.Output, s.Note, Clock.FromMicroseconds(s.StartedAt), Clock.FromMicroseconds(s.EndedAt), s.DoneBy))]);
    }

    /// <summary>The newest runs, newest first.</summary>
    public async Task<RunList> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<SummaryRow>(new CommandDefinition(
            """
            SELECT r.id AS Id, r.section AS Section, r.title AS Title, r.started_at AS StartedAt, r.started_by AS StartedBy, r.ended_at AS EndedAt, r.outcome AS Outcome,
              (SELECT COUNT(*) FROM runbook_steps s WHERE s.run_id = r.id) AS Steps,
              (SELECT COUNT(*) FROM runbook_steps s WHERE s.run_id = r.id AND s.outcome = 'failed') AS Failed
            FROM runbook_runs r ORDER BY r.id DESC LIMIT @ListedRuns
            """, new { ListedRuns }, cancellationToken: ct));
        return new([.. rows.Select(r => new RunSummary(
            r.Id, r.Section, r.Title, Clock.FromMicroseconds(r.StartedAt), r.StartedBy, r.EndedAt is { } ended ? Clock.FromMicroseconds(ended) : null, r.Outcome, r.Steps, r.Failed))]);
    }

    /// <summary>The end of what was printed, where the errors stand.</summary>
    public static string Tail(string? output)
    {
        // PostgreSQL's text holds no NUL.
        string text = (output ?? "").Replace('\0', '\uFFFD');
        return text.Length <= MaxOutputChars ? text : $"… ({text.Length - MaxOutputChars} characters before this)\n{text[^MaxOutputChars..]}";
    }

    internal static string Version => typeof(RunbookRecord).Assembly.GetName().Version!.ToString(3);

    private static string Bounded(string? text, string what, int maxChars, string otherwise)
    {
        string trimmed = (text ?? "").Trim().Replace('\0', '\uFFFD');
        if (trimmed.Length > maxChars) throw new RagException(ErrorKind.Invalid, $"'{what}' has {trimmed.Length} characters.", $"Send at most {maxChars}.");
        return trimmed.Length > 0 ? trimmed : otherwise;
    }

    private DateTimeOffset Now() => Clock.FromMicroseconds(time.Microseconds());

    private static RagException Absent(string runId) => new(ErrorKind.NotFound, $"There is no run '{runId}'.", "'rag runbook runs' lists them.");

    private sealed record RunRow(string Id, string Section, string Title, string Sha, string Version, long StartedAt, string StartedBy, long? EndedAt, string? Outcome);

    private sealed record StepRow(string Id, string Step, string Command, string Outcome, long? ExitCode, string Output, string Note, long StartedAt, long EndedAt, string DoneBy);

    /// <summary>Not a record: SQLite knows no type of a count before there is a row, and a constructor wants its types.</summary>
    private sealed class SummaryRow
    {
        public required string Id { get; init; }
        public required string Section { get; init; }
        public required string Title { get; init; }
        public required string StartedBy { get; init; }
        public string? Outcome { get; init; }
        public long StartedAt { get; init; }
        public long? EndedAt { get; init; }
        public long Steps { get; init; }
        public long Failed { get; init; }
    }
}
