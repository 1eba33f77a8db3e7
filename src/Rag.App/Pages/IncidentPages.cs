using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Foundation;
using Rag.Incidents;
using Rag.Runbook;

namespace Rag.App.Pages;

/// <param name="Failure">What went wrong with what was asked for; null where nothing did.</param>
public sealed record IncidentsModel(IReadOnlyList<IncidentSummary> Incidents, bool All, DateTimeOffset Now, string FormToken, Failure? Failure = null);

/// <param name="Runbook">The section that says what to do: that of its alert or, where it has none, the first steps in any incident.</param>
public sealed record IncidentModel(IncidentDetail Detail, RunbookSection Runbook, DateTimeOffset Now, string FormToken, Failure? Failure = null)
{
    public IncidentSummary Incident => Detail.Incident;
}

/// <summary>Incidents: who has them, and by when somebody must. Forms work without scripts.</summary>
internal static class IncidentPages
{
    private const int Limit = 200;
    private const string FirstSteps = "first-steps-in-any-incident";

    public static void MapIncidentPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/incidents", ShowAsync).Needs(Role.Operator);
        pages.MapPost("/incidents", OpenAsync).Needs(Role.Operator);
        pages.MapGet("/incidents/{id}", ShowOneAsync).Needs(Role.Operator);
        pages.MapPost("/incidents/{id}/{step}", StepAsync).Needs(Role.Operator);
    }

    private static async Task<RazorComponentResult<IncidentsPage>> ShowAsync(HttpContext context, IncidentDesk desk, IncidentViews views, TimeProvider time, CancellationToken ct, string? state = null) =>
        PageResult.Of<IncidentsPage, IncidentsModel>(context, await ModelAsync(context, desk, views, time, state == "all", ct));

    private static async Task<IResult> OpenAsync(HttpContext context, IncidentDesk desk, IncidentViews views, TimeProvider time, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        try
        {
            var opened = await desk.OpenAsync(Written(form["title"]), Written(form["severity"]), Written(form["description"]), ct);
            return TypedResults.LocalRedirect(Url(opened.Name));
        }
        catch (RagException e) when (e.Kind == ErrorKind.Invalid)
        {
            var failure = Failure.Of(e);
            return PageResult.Of<IncidentsPage, IncidentsModel>(context, await ModelAsync(context, desk, views, time, false, ct) with { Failure = failure }, failure.Status);
        }
    }

    private static async Task<RazorComponentResult<IncidentPage>> ShowOneAsync(string id, HttpContext context, IncidentDesk desk, IncidentViews views, TimeProvider time, CancellationToken ct) =>
        PageResult.Of<IncidentPage, IncidentModel>(context, await ModelAsync(id, context, desk, views, time, ct));

    private static async Task<IResult> StepAsync(string id, string step, HttpContext context, IncidentDesk desk, IncidentViews views, TimeProvider time, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        try
        {
            await TakeAsync(desk, id, step, new(Written(form["role"]), Written(form["severity"]), Written(form["text"]), Written(form["due"])), ct);
            return TypedResults.LocalRedirect(Url(id));
        }
        catch (RagException e) when (e.Kind is ErrorKind.Invalid or ErrorKind.Conflict)
        {
            var failure = Failure.Of(e);
            return PageResult.Of<IncidentPage, IncidentModel>(context, await ModelAsync(id, context, desk, views, time, ct) with { Failure = failure }, failure.Status);
        }
    }

    private static Task<Incident> TakeAsync(IncidentDesk desk, string id, string step, IncidentChange change, CancellationToken ct) => step switch
    {
        "acknowledge" => desk.AcknowledgeAsync(id, change.Role, change.Text, ct),
        "assign" => desk.AssignAsync(id, change.Role, change.Text, ct),
        "severity" => desk.GradeAsync(id, change.Severity, change.Text, ct),
        "note" => desk.NoteAsync(id, change.Text, ct),
        "action-items" => desk.ActionItemAsync(id, change.Text, change.Role, change.Due, ct),
        "resolve" => desk.ResolveAsync(id, change.Text, ct),
        "reopen" => desk.ReopenAsync(id, change.Text, ct),
        _ => throw new RagException(ErrorKind.NotFound, $"There is no step '{step}'.", "Use a button of the incident's page."),
    };

    private static async Task<IncidentsModel> ModelAsync(HttpContext context, IncidentDesk desk, IncidentViews views, TimeProvider time, bool all, CancellationToken ct) =>
        // What is worst comes first; the sort keeps the order of those that are alike, newest first.
        new([.. (await desk.ListAsync(all, Limit, ct)).Select(views.Summary).OrderBy(i => i.State == "resolved" ? 1 : 0).ThenBy(i => i.State == "resolved" ? "" : i.Severity, StringComparer.Ordinal)], all, time.GetUtcNow(), PageForms.Token(context));

    private static async Task<IncidentModel> ModelAsync(string id, HttpContext context, IncidentDesk desk, IncidentViews views, TimeProvider time, CancellationToken ct)
    {
        var detail = await views.DetailAsync(await desk.FindAsync(id, ct), ct);
        var runbook = context.RequestServices.GetRequiredService<RunbookText>();
        // A heading of the chapter on alerts is the alert's name.
        var section = runbook.Sections.FirstOrDefault(s => s.Title == detail.Incident.Key) ?? runbook.Find(FirstSteps);
        return new(detail, section, time.GetUtcNow(), PageForms.Token(context));
    }

    private static string? Written(Microsoft.Extensions.Primitives.StringValues value) => value.ToString() is { Length: > 0 } text ? text : null;

    public static string Url(string id) => $"/incidents/{Uri.EscapeDataString(id)}";
}
