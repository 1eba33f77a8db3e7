using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Foundation;
using Rag.Maintenance;
using Rag.Maintenance.Retention;
using Rag.Maintenance.Schedules;

namespace Rag.App.Pages;

/// <param name="Failure">What went wrong with what was asked for; null where nothing did.</param>
public sealed record MaintenanceModel(ReadOnlyStatus ReadOnly, IReadOnlyList<MaintenanceRun> Runs, IReadOnlyList<MaintenanceWindow> Windows, string FormToken, Failure? Failure = null);

public sealed record SchedulesModel(IReadOnlyList<ScheduleView> Schedules, IReadOnlyList<ScheduleRunView> Runs, string FormToken, Failure? Failure = null);

public sealed record RetentionModel(RetentionStatus Status, string FormToken, Failure? Failure = null);

/// <summary>Maintenance, schedules and retention: what operators see and do of them. Forms work without scripts.</summary>
internal static class MaintenancePages
{
    private const string Maintenance = "/operate/maintenance", Schedules = "/operate/schedules", Retention = "/operate/retention";
    private const int ShownRuns = 30;

    public static void MapMaintenancePages(this IEndpointRouteBuilder pages)
    {
        var maintenance = pages.MapGroup(Maintenance).Needs(Role.Operator);
        maintenance.MapGet("", ShowMaintenanceAsync);
        maintenance.MapPost("/read-only", TurnAsync);
        maintenance.MapPost("/runs", StartAsync);
        maintenance.MapPost("/runs/{id}/cancel", CancelAsync);
        maintenance.MapPost("/windows", AnnounceAsync);
        maintenance.MapPost("/windows/{id}/cancel", CancelWindowAsync);
        var schedules = pages.MapGroup(Schedules).Needs(Role.Operator);
        schedules.MapGet("", ShowSchedulesAsync);
        schedules.MapPost("/{name}/runs", RunAsync);
        var retention = pages.MapGroup(Retention);
        retention.MapGet("", ShowRetentionAsync).Needs(Role.Operator, Role.Auditor);
        retention.MapPost("/holds", HoldAsync).Needs(Role.Admin);
        retention.MapPost("/holds/{id}/release", ReleaseAsync).Needs(Role.Admin);
    }

    private static async Task<IResult> ShowMaintenanceAsync(HttpContext context, CancellationToken ct) => await MaintenanceAsync(context, null, ct);

    private static Task<IResult> TurnAsync(HttpContext context, ReadOnlyMode mode, CancellationToken ct) => DoAsync(context, Maintenance, MaintenanceAsync, async form =>
    {
        if (form["turn"] == "off") await mode.OffAsync(ct);
        else await mode.OnAsync(new(Written(form["reason"]), Written(form["for"]), Written(form["owner"])), ct);
    }, ct);

    private static Task<IResult> StartAsync(HttpContext context, MaintenanceRuns runs, CancellationToken ct) => DoAsync(context, Maintenance, MaintenanceAsync, form =>
        runs.StartAsync(new(Written(form["reason"]), Written(form["for"]), Written(form["owner"]), form["backup"].Count > 0), ct), ct);

    private static Task<IResult> CancelAsync(string id, HttpContext context, MaintenanceRuns runs, CancellationToken ct) => DoAsync(context, Maintenance, MaintenanceAsync, _ => runs.CancelAsync(id, ct), ct);

    private static Task<IResult> AnnounceAsync(HttpContext context, MaintenanceWindows windows, CancellationToken ct) => DoAsync(context, Maintenance, MaintenanceAsync, form =>
        windows.AnnounceAsync(new(Written(form["title"]), form["start"].ToString() is { Length: > 0 } start ? MaintenanceCommands.Time(start, "the start") : null, Written(form["for"]), MaintenanceText.Owner(null)), ct), ct);

    private static Task<IResult> CancelWindowAsync(string id, HttpContext context, MaintenanceWindows windows, CancellationToken ct) => DoAsync(context, Maintenance, MaintenanceAsync, _ => windows.CancelAsync(id, ct), ct);

    private static async Task<IResult> ShowSchedulesAsync(HttpContext context, CancellationToken ct) => await SchedulesAsync(context, null, ct);

    private static Task<IResult> RunAsync(string name, HttpContext context, ScheduleRecord runs, CancellationToken ct) => DoAsync(context, Schedules, SchedulesAsync, _ => runs.AskAsync(name, ct), ct);

    private static async Task<IResult> ShowRetentionAsync(HttpContext context, CancellationToken ct) => await RetentionAsync(context, null, ct);

    private static Task<IResult> HoldAsync(HttpContext context, RetentionHoldDesk holds, CancellationToken ct) => DoAsync(context, Retention, RetentionAsync, form =>
        holds.PlaceAsync(new(Written(form["rule"]), Written(form["reason"]), Day(form["from"], 0), Day(form["to"], 1)), ct), ct);

    private static Task<IResult> ReleaseAsync(string id, HttpContext context, RetentionHoldDesk holds, CancellationToken ct) => DoAsync(context, Retention, RetentionAsync, _ => holds.ReleaseAsync(id, ct), ct);

    /// <summary>Does what a form asks for and shows the page again, with what was wrong where something was.</summary>
    private static async Task<IResult> DoAsync(HttpContext context, string path, Func<HttpContext, Failure?, CancellationToken, Task<IResult>> show, Func<IFormCollection, Task> work, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        try
        {
            await work(await context.Request.ReadFormAsync(ct));
            return TypedResults.LocalRedirect(path);
        }
        catch (RagException e) when (e.Kind is ErrorKind.Invalid or ErrorKind.Conflict or ErrorKind.NotFound)
        {
            return await show(context, Failure.Of(e), ct);
        }
    }

    private static async Task<IResult> MaintenanceAsync(HttpContext context, Failure? failure, CancellationToken ct)
    {
        var services = context.RequestServices;
        return PageResult.Of<MaintenancePage, MaintenanceModel>(context, new(
            await services.GetRequiredService<ReadOnlyMode>().StatusAsync(ct), (await services.GetRequiredService<MaintenanceRuns>().ListAsync(ct)).Runs,
            (await services.GetRequiredService<MaintenanceWindows>().ListAsync(ct)).Windows, PageForms.Token(context), failure), failure?.Status ?? 200);
    }

    private static async Task<IResult> SchedulesAsync(HttpContext context, Failure? failure, CancellationToken ct)
    {
        var runs = context.RequestServices.GetRequiredService<ScheduleRecord>();
        return PageResult.Of<SchedulesPage, SchedulesModel>(context, new((await runs.ListAsync(ct)).Schedules, [.. (await runs.RunsAsync(null, ct)).Runs.Take(ShownRuns)], PageForms.Token(context), failure), failure?.Status ?? 200);
    }

    private static async Task<IResult> RetentionAsync(HttpContext context, Failure? failure, CancellationToken ct) =>
        PageResult.Of<RetentionPage, RetentionModel>(context, new(await context.RequestServices.GetRequiredService<RetentionKeeper>().StatusAsync(ct), PageForms.Token(context), failure), failure?.Status ?? 200);

    private static string Written(Microsoft.Extensions.Primitives.StringValues value) => value.ToString().Trim();

    /// <summary>A day as a date field sends it; the end of it where it is the last.</summary>
    private static DateTimeOffset? Day(Microsoft.Extensions.Primitives.StringValues value, int days) => value.ToString() is { Length: > 0 } text ? MaintenanceCommands.Time(text, "a day").AddDays(days) : null;
}
