using Rag.Access;
using Rag.Backup;
using Rag.Backup.Drills;
using Rag.Backup.OffSite;
using Rag.Foundation;

namespace Rag.App.Pages;

/// <param name="OffSite">Where copies go; null where no place is configured.</param>
/// <param name="Manages">Whether the reader may do something, and not only look.</param>
public sealed record BackupsModel(
    string Directory, IReadOnlyList<BackupInfo> Backups, string? OffSite, IReadOnlyList<OffSiteCopy> Copies, IReadOnlyList<DrillEntry> Drills, IReadOnlyList<BackupOperation> Running, bool Manages, string FormToken, Failure? Failure = null);

public sealed record DrillModel(DrillEvidence Evidence);

/// <summary>Backups with their proof, and the evidence of drills. Forms work without scripts.</summary>
internal static class BackupPages
{
    private const string Backups = "/operate/backups";
    private const int ShownDrills = 30, ShownOperations = 5;

    public static void MapBackupPages(this IEndpointRouteBuilder pages)
    {
        var backups = pages.MapGroup(Backups);
        backups.MapGet("", async (HttpContext context, CancellationToken ct) => await ShowAsync(context, null, ct)).Needs(Role.Operator, Role.Auditor);
        backups.MapGet("/drills/{id}", ShowDrillAsync).Needs(Role.Operator, Role.Auditor);
        backups.MapPost("", CreateAsync).Needs(Role.Operator);
        backups.MapPost("/{id}/verify", VerifyAsync).Needs(Role.Operator);
        backups.MapPost("/{id}/copy", CopyAsync).Needs(Role.Operator);
        backups.MapPost("/{id}/drill", DrillAsync).Needs(Role.Operator);
    }

    private static Task<IResult> CreateAsync(HttpContext context, BackupWriter writer, BackupOperations operations, CancellationToken ct) => DoAsync(context, form =>
    {
        string kind = form["kind"].ToString() is { Length: > 0 } named ? named : BackupKind.Daily;
        if (!BackupKind.All.Contains(kind)) throw new RagException(ErrorKind.Invalid, $"'{kind}' is not a kind of backup.", $"Use one of {string.Join(", ", BackupKind.All)}.");
        return operations.BeginAsync("create", null, (progress, stop) => writer.CreateAsync(kind, progress, stop), BackupJson.Default.BackupInfo, ct);
    }, ct);

    private static Task<IResult> VerifyAsync(string id, HttpContext context, BackupCatalog catalog, Restorer restorer, OffSiteCopier copier, BackupOperations operations, CancellationToken ct) => DoAsync(context, async form =>
    {
        bool offSite = form["where"] == "off-site";
        if (!offSite) await catalog.GetAsync(id, ct);
        return await operations.BeginAsync(offSite ? "verify-copy" : "verify", id, async (progress, stop) =>
        {
            var m = offSite ? await copier.VerifyAsync(id, progress, stop) : await VerifiedAsync(progress, stop);
            return new VerifiedBackup(id, m.Rows, m.Parts.Count, m.StoredBytes);
        }, BackupJson.Default.VerifiedBackup, ct);

        async Task<BackupManifest> VerifiedAsync(IProgress<BackupProgress> progress, CancellationToken stop)
        {
            await restorer.VerifyAsync(id, progress, stop);
            return (await catalog.OpenAsync(id, stop)).Manifest;
        }
    }, ct);

    private static Task<IResult> CopyAsync(string id, HttpContext context, BackupCatalog catalog, OffSiteStore store, OffSiteCopier copier, BackupOperations operations, CancellationToken ct) => DoAsync(context, async _ =>
    {
        store.Require();
        await catalog.GetAsync(id, ct);
        return await operations.BeginAsync("copy", id, (progress, stop) => copier.CopyAsync(id, progress, stop), OffSiteJson.Default.OffSiteCopy, ct);
    }, ct);

    private static Task<IResult> DrillAsync(string id, HttpContext context, BackupCatalog catalog, Drill drill, BackupOperations operations, CancellationToken ct) => DoAsync(context, async form =>
    {
        bool offSite = form["where"] == "off-site";
        if (!offSite) await catalog.GetAsync(id, ct);
        return await operations.BeginAsync("drill", id, (progress, stop) => drill.RunAsync(id, offSite, progress, stop), DrillJson.Default.DrillEvidence, ct);
    }, ct);

    private static async Task<IResult> ShowDrillAsync(string id, HttpContext context, DrillRecord drills, CancellationToken ct) => PageResult.Of<DrillPage, DrillModel>(context, new(await drills.GetAsync(id, ct)));

    /// <summary>Begins what a form asks for and shows the page again, with what was wrong where something was.</summary>
    private static async Task<IResult> DoAsync(HttpContext context, Func<IFormCollection, Task<BackupOperation>> begin, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        try
        {
            await begin(await context.Request.ReadFormAsync(ct));
            return TypedResults.LocalRedirect(Backups);
        }
        catch (RagException e) when (e.Kind is ErrorKind.Invalid or ErrorKind.Conflict or ErrorKind.NotFound or ErrorKind.Unsupported)
        {
            return await ShowAsync(context, Failure.Of(e), ct);
        }
    }

    private static async Task<IResult> ShowAsync(HttpContext context, Failure? failure, CancellationToken ct)
    {
        var services = context.RequestServices;
        var catalog = services.GetRequiredService<BackupCatalog>();
        var store = services.GetRequiredService<OffSiteStore>();
        var operations = await services.GetRequiredService<BackupOperations>().ListAsync(ct);
        // What the record knows of the copies: the page does not wait for the storage.
        return PageResult.Of<BackupsPage, BackupsModel>(context, new(
            catalog.Directory, await catalog.ListAsync(ct), store.Configured ? store.Location : null, await services.GetRequiredService<OffSiteCopies>().ListAsync(ct),
            [.. (await services.GetRequiredService<DrillRecord>().ListAsync(ct)).Take(ShownDrills)], [.. operations.Where(o => o.State == "running" || o.State == "failed").Take(ShownOperations)],
            Caller.Current.Has(Role.Operator), PageForms.Token(context), failure), failure?.Status ?? 200);
    }
}
