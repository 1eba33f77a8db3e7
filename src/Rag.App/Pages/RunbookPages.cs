using System.Data.Common;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Foundation;
using Rag.Runbook;
using Rag.Storage;

namespace Rag.App.Pages;

/// <param name="Runs">The newest runs; null while the record is away.</param>
public sealed record RunbookModel(IReadOnlyList<RunbookSection> Sections, IReadOnlyList<RunSummary>? Runs);

/// <param name="Run">The walk that is shown; null where the section is only read.</param>
/// <param name="Below">Sections of the chapter.</param>
/// <param name="FormToken">Null while the record is away, when nothing can be recorded.</param>
public sealed record RunbookSectionModel(RunbookSection Section, IReadOnlyList<RunbookSection> Below, RunbookRun? Run, string? FormToken);

/// <summary>The runbook: its sections, and a walk through one, step by step. Read while the record is away, walked while it is there.</summary>
internal static class RunbookPages
{
    private const int ShownRuns = 20;

    public static void MapRunbookPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/runbook", ListAsync).Needs(Role.Operator);
        pages.MapGet("/runbook/{slug}", ShowAsync).Needs(Role.Operator);
        pages.MapPost("/runbook/{slug}/runs", StartAsync).Needs(Role.Operator).RequireRateLimiting(LoadClass.Writes);
        pages.MapPost("/runbook/{slug}/runs/{id}/steps/{step}", StepAsync).Needs(Role.Operator).RequireRateLimiting(LoadClass.Writes);
        pages.MapPost("/runbook/{slug}/runs/{id}/end", EndAsync).Needs(Role.Operator).RequireRateLimiting(LoadClass.Writes);
    }

    private static async Task<RazorComponentResult<RunbookPage>> ListAsync(HttpContext context, RunbookText runbook, RunbookRecord record, RecordState state, CancellationToken ct)
    {
        IReadOnlyList<RunSummary>? runs = null;
        if (!state.Away)
        {
            try
            {
                runs = [.. (await record.ListAsync(ct)).Runs.Take(ShownRuns)];
            }
            catch (Exception e) when (e is RagException { Kind: ErrorKind.Unavailable } or DbException)
            {
                // It went away this moment; the sections are what is needed now.
            }
        }
        return PageResult.Of<RunbookPage, RunbookModel>(context, new(runbook.Sections, runs));
    }

    private static async Task<IResult> ShowAsync(string slug, HttpContext context, RunbookText runbook, RunbookRecord record, RecordState state, CancellationToken ct, string? run = null)
    {
        var section = runbook.Find(slug);
        if (section.Slug != slug) return TypedResults.LocalRedirect(Url(section.Slug, run));
        var walk = run is null ? null : await record.GetAsync(run, ct);
        if (walk is not null && walk.Section != slug) return TypedResults.LocalRedirect(Url(walk.Section, run));
        return PageResult.Of<RunbookSectionPage, RunbookSectionModel>(context, new(section, [.. runbook.Below(section)], walk, state.Away ? null : PageForms.Token(context)));
    }

    private static async Task<IResult> StartAsync(string slug, HttpContext context, RunbookText runbook, RunbookRecord record, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        var run = await record.StartAsync(runbook.Find(slug), form["by"].ToString(), ct);
        return TypedResults.LocalRedirect(Url(run.Section, run.Id));
    }

    private static async Task<IResult> StepAsync(string slug, string id, string step, HttpContext context, RunbookSteps steps, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        string note = form["note"].ToString();
        var result = form["action"] == "run" ? new StepResult(Run: true, Note: note) : new StepResult(Outcome: form["done"].Count > 0 ? StepOutcome.Done : StepOutcome.Skipped, Note: note);
        await steps.RecordAsync(id, step, result, ct);
        return TypedResults.LocalRedirect($"{Url(slug, id)}#step-{Uri.EscapeDataString(step)}");
    }

    private static async Task<IResult> EndAsync(string slug, string id, HttpContext context, RunbookRecord record, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var run = await record.GetAsync(id, ct);
        await record.EndAsync(id, run.Steps.Any(s => s.Outcome == StepOutcome.Failed) ? RunbookRun.Failed : RunbookRun.Done, ct);
        return TypedResults.LocalRedirect(Url(slug, id));
    }

    public static string Url(string slug, string? run = null) => $"/runbook/{Uri.EscapeDataString(slug)}{(run is null ? "" : $"?run={Uri.EscapeDataString(run)}")}";
}
