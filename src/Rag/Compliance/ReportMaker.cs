using System.Text.Json;
using Dapper;
using Microsoft.Extensions.Logging;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Compliance;

/// <summary>Makes the monthly report and keeps it: what was shown to an auditor can be shown again, with its digest on the audit record.</summary>
internal sealed class ReportMaker(
    Database database, AuditTrail audit, AuditQuery records, IEnumerable<IReportSection> sections, TimeProvider time, ILogger<ReportMaker> log)
{
    private const int MaxList = 200;

    /// <summary>Makes the report of a month now, and keeps it.</summary>
    public async Task<ComplianceReport> MakeAsync(string? month, CancellationToken ct)
    {
        var (report, body) = await BuildAsync(ReportMonth.Parse(month, time.GetUtcNow()), ct);
        await database.WriteAsync(tx => KeepAsync(tx, report, body), ct);
        return report;
    }

    public async Task<IReadOnlyList<ReportEntry>> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return [.. (await connection.QueryAsync<(string Id, string Month, long MadeAt, long Complete, string Sha256)>(new CommandDefinition(
            "SELECT id, month, made_at, complete, sha256 FROM compliance_reports ORDER BY made_at DESC, id LIMIT @MaxList", new { MaxList }, cancellationToken: ct)))
            .Select(r => new ReportEntry(r.Id, r.Month, Clock.FromMicroseconds(r.MadeAt), r.Complete != 0, r.Sha256))];
    }

    /// <summary>A report as it was made.</summary>
    public async Task<ComplianceReport> GetAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var (body, sha256) = await connection.QuerySingleOrDefaultAsync<(string?, string?)>(new CommandDefinition("SELECT body, sha256 FROM compliance_reports WHERE id = @id", new { id }, cancellationToken: ct));
        if (body is null) throw new RagException(ErrorKind.NotFound, $"There is no report '{id}'.", "'rag report list' shows those that were made.");
        if (Sha256.Hex(body) != sha256) throw new RagException(ErrorKind.Conflict, $"Report {id} is not what it was when it was made.", "Its digest stands on the audit record; 'rag audit list --action report.make' shows it.");
        return JsonSerializer.Deserialize(body, ComplianceJson.Default.ComplianceReport)!;
    }

    /// <summary>The month before has its report as soon as it is over, whoever asks for it; the leader's work.</summary>
    public async Task MakeDueAsync(LeaderTerm term, CancellationToken ct)
    {
        var month = ReportMonth.Before(time.GetUtcNow());
        await using (var connection = await database.OpenAsync(ct))
        {
            long since = await connection.ExecuteScalarAsync<long>(new CommandDefinition("SELECT COALESCE(MIN(since), 0) FROM review_schedule", cancellationToken: ct));
            // Of a month in which the service was not there, there is nothing to say.
            if (since == 0 || since >= Clock.ToMicroseconds(month.To)) return;
            if (await connection.ExecuteScalarAsync<long>(new CommandDefinition("SELECT COUNT(*) FROM compliance_reports WHERE month = @Name AND complete = 1", new { month.Name }, cancellationToken: ct)) > 0) return;
        }
        var (report, body) = await BuildAsync(month, ct);
        await term.WriteAsync(async tx =>
        {
            await KeepAsync(tx, report, body);
            return 0;
        }, ct);
    }

    private async Task<(ComplianceReport Report, string Body)> BuildAsync(ReportMonth month, CancellationToken ct)
    {
        var made = new List<ReportSection>();
        foreach (var section in sections) made.Add(await TryMakeAsync(section, month, ct));
        var now = time.GetUtcNow();
        var report = new ComplianceReport(
            Ids.New(time), month.Name, now, typeof(ReportMaker).Assembly.GetName().Version!.ToString(3), month.To <= now,
            ReviewState.Worst(made.Select(s => s.State)), await records.NewestNoteAsync(ct), made);
        return (report, JsonSerializer.Serialize(report, ComplianceJson.Default.ComplianceReport));
    }

    private async Task<ReportSection> TryMakeAsync(IReportSection section, ReportMonth month, CancellationToken ct)
    {
        try
        {
            return await section.MakeAsync(month, ct);
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            log.SectionFailed(e, section.Id, month.Name);
            return new(section.Id, section.Id, "", ReviewState.Unproven, $"This section could not be made: {(e is RagException known ? known.Message : "an unexpected error; the server's log has it.")}", [], []);
        }
    }

    private async Task<int> KeepAsync(System.Data.Common.DbTransaction tx, ComplianceReport report, string body)
    {
        string sha256 = Sha256.Hex(body);
        int kept = await tx.Connection!.ExecuteAsync(
            "INSERT INTO compliance_reports (id, month, made_at, complete, sha256, body) VALUES (@Id, @Month, @madeAt, @complete, @sha256, @body)",
            new { report.Id, report.Month, madeAt = Clock.ToMicroseconds(report.MadeAt), complete = report.Complete ? 1L : 0L, sha256, body }, tx);
        await audit.AppendAsync(tx, AuditEvent.Administrative("report.make", $"report:{report.Id}", new Dictionary<string, string> { ["month"] = report.Month, ["sha256"] = sha256 }));
        return kept;
    }
}
