using System.Data.Common;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Slo;
using Rag.Storage;
using Rag.Telemetry;

namespace Rag.App.Pages;

/// <param name="Chart">Null where nothing was counted yet.</param>
public sealed record ObjectiveView(ObjectiveStatus Status, BudgetChart? Chart);

/// <summary>What operators see. What only the record knows is null while it is away.</summary>
public sealed record OperateModel(
    IReadOnlyList<DependencyStatus> Dependencies, long IndexPosition, long ChangeLogPosition, double IndexLagSeconds, string? Away,
    SloStatus? Slo = null, IReadOnlyList<ObjectiveView>? Objectives = null, ChecklistReport? Checklist = null, IReadOnlyList<ReplicaInfo>? Replicas = null);

/// <summary>Operate: objectives with their budgets, the checklist, replicas, dependencies, the index.</summary>
internal static class OperateEndpoints
{
    public static void MapOperatePages(this IEndpointRouteBuilder pages) => pages.MapGet("/operate", ShowAsync).Needs(Role.Operator);

    private static async Task<RazorComponentResult<OperatePage>> ShowAsync(
        HttpContext context, Dependencies dependencies, IIndexer indexer, ChangeLogWatch changeLog, RecordState record, SloReport slo, Checklist checklist, Replicas replicas, TimeProvider time, CancellationToken ct)
    {
        var model = new OperateModel(dependencies.List(), indexer.Position, changeLog.Position, changeLog.LagSeconds(indexer.Position), record.Trouble?.Message);
        if (!record.Away)
        {
            try
            {
                var status = await slo.StatusAsync(ct);
                var views = new List<ObjectiveView>();
                foreach (var o in Objectives.All)
                    views.Add(new(status.Objectives.Single(s => s.Name == o.Name), BudgetChart.Of(o, await slo.HoursAsync(o, TimeSpan.FromDays(Objectives.WindowDays), ct), time.GetUtcNow())));
                model = model with { Slo = status, Objectives = views, Checklist = await checklist.RunAsync(ct), Replicas = await replicas.ListAsync(ct) };
            }
            catch (Exception e) when (e is RagException { Kind: ErrorKind.Unavailable } or DbException)
            {
                model = model with { Away = e.Message };
            }
        }
        return PageResult.Of<OperatePage, OperateModel>(context, model);
    }
}
