using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Rag.Access;

namespace Rag.Maintenance;

internal static class MaintenanceEndpoints
{
    public static IEndpointRouteBuilder MapMaintenance(this IEndpointRouteBuilder routes)
    {
        var windows = routes.MapGroup("/admin/v1/maintenance/windows").WithTags("Operate").Needs(Role.Operator);
        windows.MapGet("/", (MaintenanceWindows all, CancellationToken ct) => all.ListAsync(ct)).WithSummary("Maintenance windows, those that begin last first");
        windows.MapPost("/", (AnnounceWindow window, MaintenanceWindows all, CancellationToken ct) => all.AnnounceAsync(window, ct)).WithSummary("Announce a maintenance window, and silence alerts over it");
        windows.MapDelete("/{id}", (string id, MaintenanceWindows all, CancellationToken ct) => all.CancelAsync(id, ct)).WithSummary("Cancel a maintenance window, and end its silence");
        return routes;
    }
}
