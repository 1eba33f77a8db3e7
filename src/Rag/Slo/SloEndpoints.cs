using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Rag.Access;
using Rag.Foundation;
using Rag.Slo.Export;
using Rag.Slo.Export.Dashboards;
using Rag.Slo.Scaling;

namespace Rag.Slo;

internal static class SloEndpoints
{
    public static IEndpointRouteBuilder MapSlo(this IEndpointRouteBuilder routes)
    {
        var admin = routes.MapGroup("/admin/v1").WithTags("Operate").Needs(Role.Operator);
        admin.MapGet("/slo", (SloReport slo, CancellationToken ct) => slo.StatusAsync(ct)).WithSummary("Objectives, budgets left and burn rates");
        admin.MapGet("/checklist", (Checklist checklist, CancellationToken ct) => checklist.RunAsync(ct)).WithSummary("The runbook's checklist and scaling guidelines, measured");
        admin.MapGet("/monitoring", (string? alertsTo, IServiceProvider services) => Monitoring(alertsTo ?? AlertmanagerConfig.DefaultServer, services))
            .WithSummary("Files for Prometheus, Alertmanager and Grafana");
        admin.MapGet("/deploy/baseline", (double? before, DeployComparer comparer, CancellationToken ct) => comparer.BaselineAsync(Before(before), ct)).WithSummary("The time before a deployment, to compare with");
        admin.MapPost("/deploy/since", (DeployBaseline baseline, DeployComparer comparer, CancellationToken ct) => comparer.SinceAsync(baseline, ct)).WithSummary("The time since a deployment began");
        admin.MapGet("/scale", (ScaleApprovals scale, CancellationToken ct) => scale.StatusAsync(ct)).WithSummary("Replicas, their bounds, and how many the guidelines ask for");
        admin.MapGet("/scale/approvals", (ScaleApprovals scale, CancellationToken ct) => scale.ListAsync(ct)).WithSummary("Approvals of replicas, the newest first");
        admin.MapDelete("/scale/approvals/{id}", (string id, ScaleApprovals scale, CancellationToken ct) => scale.WithdrawAsync(id, ct)).WithSummary("End an approval before its time");
        // Whoever scales does not approve.
        routes.MapGroup("/admin/v1").WithTags("Operate").Needs(Role.Admin).MapPost("/scale/approvals", (ApproveScale wanted, ScaleApprovals scale, CancellationToken ct) => scale.ApproveAsync(wanted, ct))
            .WithSummary("Let more replicas run than the guidelines allow, or at least so many, for a time");
        return routes;
    }

    private static TimeSpan Before(double? seconds)
    {
        double s = seconds ?? 1_800;
        return s >= DeployComparer.MinBefore.TotalSeconds && s <= DeployComparer.MaxBefore.TotalSeconds ? TimeSpan.FromSeconds(s)
            : throw new RagException(ErrorKind.Invalid, $"'before' is {s} seconds.", $"Choose {Durations.Show(DeployComparer.MinBefore)} to {Durations.Show(DeployComparer.MaxBefore)}.");
    }

    private static MonitoringFiles Monitoring(string alertsTo, IServiceProvider services)
    {
        if (!Uri.TryCreate(alertsTo, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.UserInfo.Length > 0 || uri.Query.Length > 0)
            throw new RagException(ErrorKind.Invalid, $"'{alertsTo}' is not an address.", "Write the address at which Alertmanager reaches this product, such as http://rag.internal:8080.");
        return new([.. PrometheusExport.Files(alertsTo.TrimEnd('/')).Concat(DashboardExport.Files(Instruments.Describe(services))).Select(f => new MonitoringFile(f.Path, f.Content))]);
    }
}
