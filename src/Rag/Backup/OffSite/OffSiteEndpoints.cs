using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Rag.Access;

namespace Rag.Backup.OffSite;

/// <param name="Location">Empty where no place is configured.</param>
public sealed record OffSiteList(string Location, IReadOnlyList<OffSiteCopy> Copies);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(OffSiteList))]
internal sealed partial class OffSiteJson : JsonSerializerContext;

internal static class OffSiteEndpoints
{
    public static void MapOffSite(this IEndpointRouteBuilder backups)
    {
        backups.MapGet("/off-site", async (OffSiteCopier copier, OffSiteStore store, CancellationToken ct) => new OffSiteList(store.Location, await copier.ListAsync(ct)))
            .WithSummary("Copies off-site, newest first; those that the record does not know, too").Needs(Role.Operator, Role.Auditor);
        backups.MapPost("/{id}/copy", CopyAsync).WithSummary("Copy a backup off-site, and read the copy back").Needs(Role.Operator);
        backups.MapPost("/{id}/verify-copy", VerifyAsync).WithSummary("Read all of a copy off-site").Needs(Role.Operator);
        backups.MapPost("/{id}/fetch", FetchAsync).WithSummary("Bring a copy back into the folder of backups").Needs(Role.Operator);
    }

    private static async Task<Accepted<BackupOperation>> CopyAsync(string id, OffSiteStore store, BackupCatalog catalog, OffSiteCopier copier, BackupOperations operations, CancellationToken ct)
    {
        store.Require();
        await catalog.GetAsync(id, ct);
        return BackupEndpoints.Begun(await operations.BeginAsync("copy", id, (progress, stop) => copier.CopyAsync(id, progress, stop), OffSiteJson.Default.OffSiteCopy, ct));
    }

    private static async Task<Accepted<BackupOperation>> VerifyAsync(string id, OffSiteStore store, OffSiteCopier copier, BackupOperations operations, CancellationToken ct)
    {
        store.Require();
        return BackupEndpoints.Begun(await operations.BeginAsync("verify-copy", id, async (progress, stop) =>
        {
            var m = await copier.VerifyAsync(id, progress, stop);
            return new VerifiedBackup(id, m.Rows, m.Parts.Count, m.StoredBytes);
        }, BackupJson.Default.VerifiedBackup, ct));
    }

    private static async Task<Accepted<BackupOperation>> FetchAsync(string id, OffSiteStore store, OffSiteCopier copier, BackupOperations operations, CancellationToken ct)
    {
        store.Require();
        return BackupEndpoints.Begun(await operations.BeginAsync("fetch", id, (progress, stop) => copier.FetchAsync(id, progress, stop), BackupJson.Default.BackupInfo, ct));
    }
}
