using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Rag.Access;
using Rag.Backup.Drills;
using Rag.Backup.OffSite;
using Rag.Foundation;

namespace Rag.Backup;

internal static class BackupEndpoints
{
    public static IEndpointRouteBuilder MapBackup(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/admin/v1/backups").WithTags("Operate");
        group.MapGet("/", async (BackupCatalog catalog, CancellationToken ct) => new BackupList(catalog.Directory, await catalog.ListAsync(ct)))
            .WithSummary("Backups, newest first").Needs(Role.Operator, Role.Auditor);
        group.MapPost("/", CreateAsync).WithSummary("Make a backup; the answer says how to follow it").Needs(Role.Operator);
        group.MapGet("/operations", async (BackupOperations operations, CancellationToken ct) => new OperationList(await operations.ListAsync(ct)))
            .WithSummary("What goes on with backups, and went on").Needs(Role.Operator, Role.Auditor);
        group.MapGet("/operations/{id}", (string id, BackupOperations operations, CancellationToken ct) => operations.GetAsync(id, ct)).WithSummary("How far something is").Needs(Role.Operator, Role.Auditor);
        group.MapGet("/{id}", ShowAsync).WithSummary("A backup, and what is in it").Needs(Role.Operator, Role.Auditor);
        group.MapPost("/{id}/verify", VerifyAsync).WithSummary("Read all of a backup and check every digest").Needs(Role.Operator);
        group.MapPost("/restore-to-point", ToPointAsync).WithSummary("Go back to a point in time, where the engine's log is kept").Needs(Role.Admin);
        group.MapPost("/{id}/restore", RestoreAsync).WithSummary("Put a backup back: all of it, one collection or one document").Needs(Role.Admin);
        group.MapOffSite();
        group.MapDrills();
        return routes;
    }

    private static async Task<Accepted<BackupOperation>> CreateAsync(CreateBackup wanted, BackupWriter writer, BackupOperations operations, CancellationToken ct)
    {
        string kind = wanted.Kind ?? BackupKind.Daily;
        if (!BackupKind.All.Contains(kind)) throw new RagException(ErrorKind.Invalid, $"'{kind}' is not a kind of backup.", $"Use one of {string.Join(", ", BackupKind.All)}.");
        return Begun(await operations.BeginAsync("create", null, (progress, stop) => writer.CreateAsync(kind, progress, stop), BackupJson.Default.BackupInfo, ct));
    }

    private static async Task<Ok<BackupDetail>> ShowAsync(string id, BackupCatalog catalog, CancellationToken ct)
    {
        var info = await catalog.GetAsync(id, ct);
        if (info.State is BackupState.Running or BackupState.Failed) return TypedResults.Ok(new BackupDetail(info, "", 0, "", [], [], new Dictionary<string, string>()));
        var m = (await catalog.OpenAsync(id, ct)).Manifest;
        var digests = TableDigests.Of(m);
        var tables = m.Parts.Where(p => p.Kind == PartKind.Rows).GroupBy(p => p.Name).Select(t => new BackupTable(t.Key, t.Sum(p => p.Rows), t.Sum(p => p.PlainBytes), t.Sum(p => p.StoredBytes), digests[t.Key].Digest));
        return TypedResults.Ok(new BackupDetail(info, m.Product, m.Schema, m.Key, [.. tables], [.. m.Parts.Where(p => p.Kind != PartKind.Rows).Select(p => p.Name)], m.LeftOut));
    }

    private static async Task<Accepted<BackupOperation>> VerifyAsync(string id, BackupCatalog catalog, Restorer restorer, BackupOperations operations, CancellationToken ct)
    {
        await catalog.GetAsync(id, ct);
        return Begun(await operations.BeginAsync("verify", id, async (progress, stop) =>
        {
            await restorer.VerifyAsync(id, progress, stop);
            var m = (await catalog.OpenAsync(id, stop)).Manifest;
            return new VerifiedBackup(id, m.Rows, m.Parts.Count, m.StoredBytes);
        }, BackupJson.Default.VerifiedBackup, ct));
    }

    private static async Task<Accepted<BackupOperation>> RestoreAsync(string id, RestoreBackup wanted, Restorer restorer, BackupOperations operations, CancellationToken ct)
    {
        var into = Into(wanted.Into);
        return Begun(await operations.BeginAsync("restore", id, (progress, stop) => restorer.RestoreAsync(id, wanted.Collection, wanted.Document, into, progress, stop), BackupJson.Default.RestoreResult, ct));
    }

    private static async Task<Accepted<BackupOperation>> ToPointAsync(RestoreToPoint wanted, PointInTime points, BackupOperations operations, CancellationToken ct)
    {
        var into = Into(wanted.Into);
        points.Require(wanted.At);
        return Begun(await operations.BeginAsync("restore", null, (progress, stop) => points.RestoreAsync(wanted.At, into, progress, stop), BackupJson.Default.RestoreResult, ct));
    }

    private static RestoreInto Into(string? into) => into switch
    {
        null or "empty" => RestoreInto.Empty,
        "running" => RestoreInto.Running,
        var other => throw new RagException(ErrorKind.Invalid, $"'{other}' is not what a backup is restored into.", "Use empty or running."),
    };

    internal static Accepted<BackupOperation> Begun(BackupOperation operation) => TypedResults.Accepted("/admin/v1/backups/operations/" + operation.Id, operation);
}
