using System.Data.Common;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Audit;
using Rag.Diagnosis;
using Rag.Foundation;
using Rag.Incidents;
using Rag.Indexing;
using Rag.Maintenance;
using Rag.Storage;
using Rag.Telemetry;

namespace Rag.App.Pages;

/// <summary>When backups of a kind were last made and proven; null for never.</summary>
public sealed record BackupAges(string Kind, DateTimeOffset? Made, DateTimeOffset? Proven);

/// <summary>When something that shows a certificate stops to.</summary>
public sealed record CertificateLasts(string Name, DateTimeOffset Until);

/// <summary>How things stand: what this replica knows by itself, and what it last read in the record.</summary>
/// <param name="Replica">The one that says so.</param>
/// <param name="IndexTrouble">What keeps the indexer from going on; null where nothing does.</param>
/// <param name="Incidents">Those that are open, the worst first.</param>
/// <param name="AuditTrouble">Why nothing is signed, where this replica is the one that signs.</param>
/// <param name="Away">Why the record was not read now; null where it was.</param>
/// <param name="Record">What was read last; null where nothing was yet.</param>
public sealed record OperateModel(
    DateTimeOffset Now, string Replica, IReadOnlyList<DependencyStatus> Dependencies, long IndexPosition, long ChangeLogPosition, double IndexLagSeconds, string? IndexTrouble,
    ReadOnlyPeriod? ReadOnly, IReadOnlyList<MaintenanceWindow> Windows, IReadOnlyList<IncidentSummary> Incidents, IReadOnlyList<BackupAges> Backups, IReadOnlyList<CertificateLasts> Certificates,
    string? AuditTrouble, string? Away, RecordGlance? Record)
{
    public IReadOnlyList<Trouble> Troubles => Rag.App.Pages.Troubles.Of(this);
}

/// <param name="Reading">What was read last; null where nothing was yet.</param>
public sealed record ObjectivesModel(DateTimeOffset Now, string? Away, ObjectivesReading? Reading);

/// <summary>Operate: how things stand at a glance, and the objectives with their budgets.</summary>
internal static class OperateEndpoints
{
    public const string Objectives = "/operate/objectives";

    public static void MapOperatePages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/operate", ShowAsync).Needs(Role.Operator);
        pages.MapGet(Objectives, ShowObjectivesAsync).Needs(Role.Operator);
    }

    private static async Task<RazorComponentResult<OperatePage>> ShowAsync(HttpContext context, OperateReadings readings, RecordState state, TimeProvider time, CancellationToken ct)
    {
        var services = context.RequestServices;
        var (record, away) = await ReadAsync(readings.Record, state, ct);
        var indexer = services.GetRequiredService<IIndexer>();
        var changeLog = services.GetRequiredService<ChangeLogWatch>();
        var server = services.GetRequiredService<ServerOptions>();
        return PageResult.Of<OperatePage, OperateModel>(context, new(
            time.GetUtcNow(), server.ReplicaName.Length > 0 ? server.ReplicaName : Environment.MachineName, services.GetRequiredService<Dependencies>().List(),
            indexer.Position, changeLog.Position, changeLog.LagSeconds(indexer.Position), indexer.Trouble,
            services.GetRequiredService<ReadOnlyMode>().Current, services.GetRequiredService<MaintenanceNotice>().Current, await OpenAsync(services, away is not null, ct),
            [.. services.GetRequiredService<BackupTimes>().Times.Select(t => new BackupAges(t.Key, Ever(t.Value.Made), Ever(t.Value.Proven)))],
            [.. services.GetRequiredService<CertificateWatch>().Expiry.Select(e => new CertificateLasts(e.Key, e.Value)).OrderBy(c => c.Until)],
            services.GetRequiredService<AuditTree>().Trouble, away, record));
    }

    private static async Task<RazorComponentResult<ObjectivesPage>> ShowObjectivesAsync(HttpContext context, OperateReadings readings, RecordState state, TimeProvider time, CancellationToken ct)
    {
        var (reading, away) = await ReadAsync(readings.Objectives, state, ct);
        return PageResult.Of<ObjectivesPage, ObjectivesModel>(context, new(time.GetUtcNow(), away, reading));
    }

    /// <summary>What the record says now or, where it does not answer, what it said last and why that is all.</summary>
    private static async Task<(T? Value, string? Away)> ReadAsync<T>(SharedReading<T> reading, RecordState state, CancellationToken ct) where T : class
    {
        if (state.Trouble is { } trouble) return (reading.Last, trouble.Message);
        try
        {
            return (await reading.GetAsync(ct), null);
        }
        catch (Exception e) when (e is RagException { Kind: ErrorKind.Unavailable } or DbException)
        {
            return (reading.Last, e.Message);
        }
    }

    /// <summary>As this replica saw them last, a second ago: what the page says and what it is told of by then are the same.</summary>
    private static async Task<IReadOnlyList<IncidentSummary>> OpenAsync(IServiceProvider services, bool away, CancellationToken ct)
    {
        var seen = services.GetRequiredService<OpenIncidents>().Last;
        var open = away || seen.At == DateTimeOffset.UnixEpoch
            ? await services.GetRequiredService<IncidentDesk>().ListAsync(all: false, IncidentDesk.MaxList, ct)
            : [.. seen.Incidents.Values.Where(i => i.Open).OrderByDescending(i => i.OpenedAt).Take(IncidentDesk.MaxList)];
        var views = services.GetRequiredService<IncidentViews>();
        return [.. open.Select(views.Summary).OrderBy(i => i.Severity, StringComparer.Ordinal)];
    }

    private static DateTimeOffset? Ever(DateTimeOffset at) => at == DateTimeOffset.UnixEpoch ? null : at;
}
