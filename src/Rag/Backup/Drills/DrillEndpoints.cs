using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Rag.Access;
using Rag.Backup.OffSite;

namespace Rag.Backup.Drills;

internal static class DrillEndpoints
{
    public static void MapDrills(this IEndpointRouteBuilder backups)
    {
        backups.MapGet("/drills", async (DrillRecord drills, CancellationToken ct) => new DrillList(await drills.ListAsync(ct))).WithSummary("Drills, newest first").Needs(Role.Operator, Role.Auditor);
        backups.MapGet("/drills/{id}", (string id, DrillRecord drills, CancellationToken ct) => drills.GetAsync(id, ct)).WithSummary("The evidence of a drill").Needs(Role.Operator, Role.Auditor);
        backups.MapPost("/drills", StartAsync).WithSummary("Restore a backup into a scratch store, compare it and ask it; the newest where none is named").Needs(Role.Operator);
    }

    private static async Task<Accepted<BackupOperation>> StartAsync(StartDrill wanted, BackupCatalog catalog, OffSiteStore store, Drill drill, BackupOperations operations, CancellationToken ct)
    {
        if (wanted.OffSite) store.Require();
        else if (wanted.Backup is { } id) await catalog.GetAsync(id, ct);
        return BackupEndpoints.Begun(await operations.BeginAsync("drill", wanted.Backup, (progress, stop) => drill.RunAsync(wanted.Backup, wanted.OffSite, progress, stop), DrillJson.Default.DrillEvidence, ct));
    }
}
