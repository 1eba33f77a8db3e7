using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Rag.Access;
using Rag.Foundation;

namespace Rag.Compliance;

internal static class ComplianceEndpoints
{
    public static IEndpointRouteBuilder MapCompliance(this IEndpointRouteBuilder routes)
    {
        var admin = routes.MapGroup("/admin/v1").WithTags("Compliance").Needs(Role.Auditor);
        admin.MapGet("/access/review", (AccessReview review, CancellationToken ct) => review.ReportAsync(ct)).WithSummary("Who can do what, unused keys, administrators");
        admin.MapGet("/reviews", async (ReviewBook reviews, CancellationToken ct) => new ReviewList(await reviews.StatusAsync(ct))).WithSummary("Reviews, when each is due, and the last one done");
        admin.MapGet("/reviews/{name}", (string name, ReviewBook reviews, CancellationToken ct) => reviews.GatherAsync(name, ct)).WithSummary("What a review looks at, as it stands now");
        admin.MapPost("/reviews/{name}/done", (string name, ReviewDone? done, ReviewBook reviews, CancellationToken ct) => reviews.DoneAsync(name, done?.Notes, ct)).WithSummary("Write down that the review was done, with what there was to see");
        admin.MapGet("/reviews/done/{id}", (string id, ReviewBook reviews, CancellationToken ct) => reviews.GetAsync(id, ct)).WithSummary("A review that was done, with what was looked at");
        admin.MapGet("/reports", async (ReportMaker reports, CancellationToken ct) => new ReportList(await reports.ListAsync(ct))).WithSummary("Compliance reports that were made, newest first");
        admin.MapPost("/reports", (MakeReport? make, ReportMaker reports, TimeProvider time, CancellationToken ct) => reports.MakeAsync(make?.Month ?? ReportMonth.Before(time.GetUtcNow()).Name, ct))
            .WithSummary("Make the compliance report of a month, and keep it");
        admin.MapGet("/reports/{id}", ShowAsync).Produces<ComplianceReport>().WithSummary("A report as it was made: json, html or csv");
        return routes;
    }

    private static async Task<Results<Ok<ComplianceReport>, ContentHttpResult>> ShowAsync(string id, ReportMaker reports, CancellationToken ct, string format = "json")
    {
        if (!ReportFormat.All.Contains(format)) throw new RagException(ErrorKind.Invalid, $"'{format}' is not a format of reports.", $"Use one of {string.Join(", ", ReportFormat.All)}.");
        var report = await reports.GetAsync(id, ct);
        return format switch
        {
            ReportFormat.Html => TypedResults.Text(ReportHtml.Write(report), "text/html; charset=utf-8", Encoding.UTF8),
            ReportFormat.Csv => TypedResults.Text(ReportCsv.Write(report), "text/csv; charset=utf-8", Encoding.UTF8),
            _ => TypedResults.Ok(report),
        };
    }
}

internal static class ReportFormat
{
    public const string Json = "json", Html = "html", Csv = "csv";

    public static readonly IReadOnlyList<string> All = [Html, Json, Csv];
}
