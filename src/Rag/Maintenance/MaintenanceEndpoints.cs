using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Rag.Access;
using Rag.Maintenance.Retention;
using Rag.Maintenance.Schedules;

namespace Rag.Maintenance;

internal static class MaintenanceEndpoints
{
    public static IEndpointRouteBuilder MapMaintenance(this IEndpointRouteBuilder routes)
    {
        var windows = routes.MapGroup("/admin/v1/maintenance/windows").WithTags("Operate").Needs(Role.Operator);
        windows.MapGet("/", (MaintenanceWindows all, CancellationToken ct) => all.ListAsync(ct)).WithSummary("Maintenance windows, those that begin last first");
        windows.MapPost("/", (AnnounceWindow window, MaintenanceWindows all, CancellationToken ct) => all.AnnounceAsync(window, ct)).WithSummary("Announce a maintenance window, and silence alerts over it");
        windows.MapDelete("/{id}", (string id, MaintenanceWindows all, CancellationToken ct) => all.CancelAsync(id, ct)).WithSummary("Cancel a maintenance window, and end its silence");

        var readOnly = routes.MapGroup("/admin/v1/maintenance/read-only").WithTags("Operate").Needs(Role.Operator);
        readOnly.MapGet("/", (ReadOnlyMode mode, CancellationToken ct) => mode.StatusAsync(ct)).WithSummary("Whether writes are refused, why and until when");
        readOnly.MapPost("/", (TurnReadOnly wanted, ReadOnlyMode mode, CancellationToken ct) => mode.OnAsync(wanted, ct)).WithSummary("Refuse writes on every replica and in the database, for a time");
        readOnly.MapDelete("/", (ReadOnlyMode mode, CancellationToken ct) => mode.OffAsync(ct)).WithSummary("Take writes again");

        var runs = routes.MapGroup("/admin/v1/maintenance/runs").WithTags("Operate").Needs(Role.Operator);
        runs.MapGet("/", (MaintenanceRuns all, CancellationToken ct) => all.ListAsync(ct)).WithSummary("Runs of the maintenance procedure, the newest first");
        runs.MapPost("/", (StartMaintenance wanted, MaintenanceRuns all, CancellationToken ct) => all.StartAsync(wanted, ct)).WithSummary("Maintain the database: read-only, backup, maintenance, verification, normal again");
        runs.MapGet("/{id}", (string id, MaintenanceRuns all, CancellationToken ct) => all.GetAsync(id, ct)).WithSummary("One run with its steps");
        runs.MapDelete("/{id}", (string id, MaintenanceRuns all, CancellationToken ct) => all.CancelAsync(id, ct)).WithSummary("Stop a run and undo it: writes are taken again");

        var schedules = routes.MapGroup("/admin/v1/schedules").WithTags("Operate").Needs(Role.Operator);
        schedules.MapGet("/", (ScheduleRecord all, CancellationToken ct) => all.ListAsync(ct)).WithSummary("Schedules with their last runs");
        schedules.MapGet("/runs", (ScheduleRecord all, CancellationToken ct, string? schedule = null) => all.RunsAsync(schedule, ct)).WithSummary("Runs of schedules, the newest first");
        schedules.MapGet("/runs/{id}", (string id, ScheduleRecord all, CancellationToken ct) => all.GetAsync(id, ct)).WithSummary("One run of a schedule");
        schedules.MapPost("/{name}/runs", (string name, ScheduleRecord all, CancellationToken ct) => all.AskAsync(name, ct)).WithSummary("Run a schedule now; the leader begins within a moment");

        var retention = routes.MapGroup("/admin/v1/retention").WithTags("Operate");
        retention.MapGet("/", (RetentionKeeper keeper, CancellationToken ct) => keeper.StatusAsync(ct)).WithSummary("What is kept, due and held, and what was removed").Needs(Role.Operator, Role.Auditor);
        retention.MapPost("/holds", (PlaceHold wanted, RetentionHoldDesk holds, CancellationToken ct) => holds.PlaceAsync(wanted, ct)).WithSummary("Place a legal hold").Needs(Role.Admin);
        retention.MapDelete("/holds/{id}", (string id, RetentionHoldDesk holds, CancellationToken ct) => holds.ReleaseAsync(id, ct)).WithSummary("Release a legal hold").Needs(Role.Admin);
        return routes;
    }
}
