using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Rag.Access;

namespace Rag.Runbook;

internal static class RunbookEndpoints
{
    public static IEndpointRouteBuilder MapRunbook(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/admin/v1/runbook").WithTags("Operate").Needs(Role.Operator);
        group.MapGet("/sections", (RunbookText runbook) => new SectionList(runbook.Digest, [.. runbook.Sections.Select(Summary)])).WithSummary("The runbook's sections");
        group.MapGet("/sections/{slug}", (string slug, RunbookText runbook) => runbook.Find(slug)).WithSummary("One section with its steps");
        group.MapGet("/runs", (RunbookRecord record, CancellationToken ct) => record.ListAsync(ct)).WithSummary("The newest runs");
        group.MapPost("/runs", (StartRun start, RunbookText runbook, RunbookRecord record, CancellationToken ct) => record.StartAsync(runbook.Find(start.Section ?? ""), start.By, ct)).WithSummary("Begin to walk a section");
        group.MapGet("/runs/{id}", (string id, RunbookRecord record, CancellationToken ct) => record.GetAsync(id, ct)).WithSummary("One run with its evidence");
        group.MapPost("/runs/{id}/steps/{step}", (string id, string step, StepResult result, RunbookSteps steps, CancellationToken ct) => steps.RecordAsync(id, step, result, ct))
            .WithSummary("Record a step's result, or let the server run a command of the product that reads");
        group.MapPost("/runs/{id}/end", async (string id, EndRun end, RunbookRecord record, CancellationToken ct) =>
        {
            await record.EndAsync(id, end.Outcome, ct);
            return await record.GetAsync(id, ct);
        }).WithSummary("End a run");
        return routes;
    }

    internal static SectionSummary Summary(RunbookSection s) => new(s.Slug, s.Title, s.Level, s.Chapter, s.Steps.Count, s.Commands.Count(), s.Commands.Count(c => !c.ReadOnly));
}
