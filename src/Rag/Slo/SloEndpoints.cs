using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Rag.Slo;

internal static class SloEndpoints
{
    public static IEndpointRouteBuilder MapSlo(this IEndpointRouteBuilder routes)
    {
        var admin = routes.MapGroup("/admin/v1").WithTags("Operate");
        admin.MapGet("/slo", (SloReport slo, CancellationToken ct) => slo.StatusAsync(ct)).WithSummary("Objectives, budgets left and burn rates");
        admin.MapGet("/checklist", (Checklist checklist, CancellationToken ct) => checklist.RunAsync(ct)).WithSummary("The runbook's checklist and scaling guidelines, measured");
        return routes;
    }
}
