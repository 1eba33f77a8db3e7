using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Rag.Access;
using Rag.Foundation;
using Rag.Maintenance;
using Rag.Security.Advisories;

namespace Rag.Security;

internal static class SecurityEndpoints
{
    public static IEndpointRouteBuilder MapSecurity(this IEndpointRouteBuilder routes)
    {
        // Who watches and who audits read; what changes something is the operator's.
        var read = routes.MapGroup("/admin/v1/security").WithTags("Operate").Needs(Role.Operator, Role.Auditor);
        read.MapGet("/events", (SecurityRecord record, CancellationToken ct, string? pattern = null, string? caller = null, int limit = 100) => record.ListAsync(pattern, caller, limit, ct))
            .WithSummary("What looked like an attack or was unusual, newest first");
        read.MapGet("/callers", (SecurityRecord record, CancellationToken ct) => record.CallersAsync(ct)).WithSummary("Callers by what they have done lately, heaviest first");
        read.MapGet("/certificates", (Certificates certificates, CancellationToken ct) => certificates.ListAsync(ct)).WithSummary("Certificates of the server and of what it depends on, first to expire first");
        read.MapGet("/scans", (AdvisoryScan scan, CancellationToken ct) => scan.ListAsync(ct)).WithSummary("Scans of dependencies for known weaknesses, newest first");
        read.MapGet("/sbom", (Sbom sbom) => Results.Text(sbom.Write().ToJsonString(new() { WriteIndented = true }), Sbom.MediaType)).Produces<string>(contentType: "application/vnd.cyclonedx+json").WithSummary("What is shipped, as CycloneDX 1.6");
        read.MapGet("/canaries", (Canaries canaries, CancellationToken ct) => canaries.ListAsync(ct)).WithSummary("Documents that nobody has a reason to read");
        var change = routes.MapGroup("/admin/v1/security").WithTags("Operate").Needs(Role.Operator);
        change.MapPost("/scans", (AdvisoryScan scan, CancellationToken ct) => scan.RunAsync(ct)).WithSummary("Hold what is shipped against the advisories, now");
        change.MapPost("/canaries", (NewCanary canary, Canaries canaries, CancellationToken ct) => canaries.AddAsync(canary, ct)).RequireRateLimiting(LoadClass.Writes).RefusedWhileReadOnly().WithSummary("Mark a document as one that nobody has a reason to read, or make one");
        change.MapDelete("/canaries/{document}", async (string document, Canaries canaries, CancellationToken ct) =>
        {
            await canaries.RemoveAsync(document, ct);
            return await canaries.ListAsync(ct);
        }).WithSummary("Let it be read like any other; the document stays");
        return routes;
    }
}
