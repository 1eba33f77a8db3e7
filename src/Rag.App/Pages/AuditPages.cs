using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Audit;
using Rag.Foundation;

namespace Rag.App.Pages;

/// <param name="Next">Address of the page of older records; null on the last.</param>
public sealed record AuditModel(IReadOnlyList<AuditRecordView> Records, string Category, string Action, string Actor, string Resource, AuditCheckpointView? Checkpoint, string? Next, AuditVerification? Verification, string FormToken);

/// <param name="Unproven">Why there is no proof yet; null where there is one.</param>
public sealed record AuditRecordModel(AuditRecordView Record, string Event, AuditProof? Proof, string? Unproven);

/// <summary>The audit record: search, one record, and the proof that it is what was signed.</summary>
internal static class AuditPages
{
    private const int PageSize = 50;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void MapAuditPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/audit", ShowAsync).Needs(Role.Auditor);
        pages.MapPost("/audit/verify", VerifyAsync).Needs(Role.Auditor);
        pages.MapGet("/audit/{id}", ShowOneAsync).Needs(Role.Auditor);
    }

    private static async Task<RazorComponentResult<AuditPage>> ShowAsync(
        HttpContext context, AuditQuery query, CancellationToken ct, string category = "", string action = "", string actor = "", string resource = "", long? before = null) =>
        PageResult.Of<AuditPage, AuditModel>(context, await ModelAsync(context, query, category, action, actor, resource, before, ct));

    private static async Task<RazorComponentResult<AuditPage>> VerifyAsync(HttpContext context, AuditQuery query, AuditVerifier verifier, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var verification = await verifier.VerifyAsync(null, ct);
        return PageResult.Of<AuditPage, AuditModel>(context, await ModelAsync(context, query, "", "", "", "", null, ct) with { Verification = verification });
    }

    private static async Task<RazorComponentResult<AuditRecordPage>> ShowOneAsync(string id, HttpContext context, AuditQuery query, CancellationToken ct)
    {
        var record = await query.GetAsync(id, ct);
        string text = record.Event is { } ocsf ? JsonSerializer.Serialize(ocsf, Indented) : "";
        try
        {
            return PageResult.Of<AuditRecordPage, AuditRecordModel>(context, new(record, text, await query.ProveAsync(id, ct), null));
        }
        catch (RagException e) when (e.Kind == ErrorKind.Conflict)
        {
            return PageResult.Of<AuditRecordPage, AuditRecordModel>(context, new(record, text, null, $"{e.Message} {e.Remedy}"));
        }
    }

    private static async Task<AuditModel> ModelAsync(HttpContext context, AuditQuery query, string category, string action, string actor, string resource, long? before, CancellationToken ct)
    {
        var list = await query.ListAsync(new(Written(category), Written(action), Written(actor), Written(resource), Before: before, Limit: PageSize), ct);
        string? next = list.Next is { } no ? Url(category, action, actor, resource) + $"&before={no}" : null;
        return new(list.Records, category, action, actor, resource, (await query.CheckpointsAsync(1, ct)).Checkpoints.FirstOrDefault(), next, null, PageForms.Token(context));
    }

    public static string Url(string category, string action, string actor, string resource) =>
        $"/audit?category={Uri.EscapeDataString(category)}&action={Uri.EscapeDataString(action)}&actor={Uri.EscapeDataString(actor)}&resource={Uri.EscapeDataString(resource)}";

    private static string? Written(string text) => text.Trim() is { Length: > 0 } written ? written : null;
}
