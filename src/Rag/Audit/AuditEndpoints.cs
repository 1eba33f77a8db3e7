using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Rag.Audit;

internal static class AuditEndpoints
{
    private const int MaxNotesBytes = 64 * 1024 * 1024;

    /// <summary>What reads and verifies.</summary>
    public static IEndpointRouteBuilder MapAudit(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/admin/v1/audit").WithTags("Audit");
        group.MapGet("/records", (
            AuditQuery query, CancellationToken ct, string? category = null, string? action = null, string? actor = null, string? resource = null, string? outcome = null,
            DateTimeOffset? since = null, DateTimeOffset? until = null, long? before = null, int limit = 50) =>
            query.ListAsync(new(category, action, actor, resource, outcome, since, until, before, limit), ct)).WithSummary("Records, newest first, a page at a time");
        group.MapGet("/records/{id}", (string id, AuditQuery query, CancellationToken ct) => query.GetAsync(id, ct)).WithSummary("One record with its event");
        group.MapGet("/records/{id}/proof", (string id, AuditQuery query, CancellationToken ct) => query.ProveAsync(id, ct)).WithSummary("The proof that a record is under the newest checkpoint");
        group.MapGet("/consistency", (long first, long second, AuditQuery query, CancellationToken ct) => query.ConsistencyAsync(first, second, ct)).WithSummary("The proof that a tree only adds to a smaller one");
        group.MapGet("/checkpoints", (AuditQuery query, CancellationToken ct, int limit = 100) => query.CheckpointsAsync(limit, ct)).WithSummary("Signed checkpoints, newest first");
        group.MapGet("/key", (AuditQuery query) => query.Key).WithSummary("The public key that checkpoints are signed with");
        group.MapGet("/export", ExportAsync).WithSummary("The record as JSON Lines, to be verified elsewhere").Produces<string>(contentType: "application/x-ndjson");
        group.MapPost("/verify", ([FromBody] AuditVerifyRequest? request, AuditVerifier verifier, CancellationToken ct) => verifier.VerifyAsync(request?.Checkpoints, ct)).WithMetadata(new RequestSizeLimitAttribute(MaxNotesBytes)).WithSummary("Compare the record with what was signed");
        group.MapGet("/segments", (AuditKeeping keeping, CancellationToken ct) => keeping.SegmentsAsync(ct)).WithSummary("Segments, newest first, and when they expire");
        group.MapGet("/holds", (AuditKeeping keeping, CancellationToken ct) => keeping.HoldsAsync(ct)).WithSummary("Holds, those in force first");
        return routes;
    }

    /// <summary>What decides which records stay, and which can be read.</summary>
    public static IEndpointRouteBuilder MapAuditKeeping(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/admin/v1/audit").WithTags("Audit");
        group.MapPost("/erase", (AuditEraseRequest request, AuditKeeping keeping, CancellationToken ct) => keeping.EraseAsync(request, ct)).WithSummary("Destroy a subject's key: who and what is gone from its records for good");
        group.MapPost("/holds", (AuditHoldRequest request, AuditKeeping keeping, CancellationToken ct) => keeping.HoldAsync(request, ct)).WithSummary("Keep records from expiring and subjects from being erased");
        group.MapDelete("/holds/{id}", (string id, AuditKeeping keeping, CancellationToken ct) => keeping.ReleaseAsync(id, ct)).WithSummary("Release a hold");
        return routes;
    }

    private static async Task ExportAsync(HttpContext context, AuditExport export, DateTimeOffset? from = null, DateTimeOffset? to = null, string? category = null) => await export.WriteAsync(() =>
    {
        context.Response.ContentType = "application/x-ndjson";
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.Body;
    }, from, to, category, context.RequestAborted);
}
