using System.Data.Common;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Foundation;
using Rag.Security;
using Rag.Security.Advisories;
using Rag.Storage;

namespace Rag.App.Pages;

/// <param name="Away">Why what the record knows is not shown; null where it is.</param>
/// <param name="Scan">The last; null where there was none.</param>
/// <param name="MayChange">Whether the visitor may scan.</param>
public sealed record SecurityModel(
    IReadOnlyList<SecurityEvent> Events, CallerScores? Scores, IReadOnlyList<CertificateLine> Certificates, SecurityScan? Scan, IReadOnlyList<Canary> Canaries, string? Away, bool MayChange, string FormToken);

/// <summary>Security: what looked like an attack, who did it, certificates, weaknesses of dependencies, canaries.</summary>
internal static class SecurityPages
{
    private const int Shown = 50;

    public static void MapSecurityPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/security", ShowAsync).Needs(Role.Operator, Role.Auditor);
        pages.MapPost("/security/scan", ScanAsync).Needs(Role.Operator);
    }

    private static async Task<RazorComponentResult<SecurityPage>> ShowAsync(
        HttpContext context, SecurityRecord record, RecordState state, Certificates certificates, AdvisoryScan scans, Canaries canaries, CancellationToken ct)
    {
        var model = new SecurityModel([], null, (await certificates.ListAsync(ct)).Certificates, null, [], state.Trouble?.Message, Caller.Current.Has(Role.Operator), PageForms.Token(context));
        if (!state.Away)
        {
            try
            {
                model = model with
                {
                    Events = (await record.ListAsync(null, null, Shown, ct)).Events,
                    Scores = await record.CallersAsync(ct),
                    Scan = (await scans.ListAsync(ct)).Scans.FirstOrDefault(),
                    Canaries = (await canaries.ListAsync(ct)).Canaries,
                };
            }
            catch (Exception e) when (e is RagException { Kind: ErrorKind.Unavailable } or DbException)
            {
                model = model with { Away = e.Message };
            }
        }
        return PageResult.Of<SecurityPage, SecurityModel>(context, model);
    }

    private static async Task<IResult> ScanAsync(HttpContext context, AdvisoryScan scans, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        await scans.RunAsync(ct);
        return TypedResults.LocalRedirect("/security#dependencies");
    }
}
