using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Compliance;
using Rag.Foundation;

namespace Rag.App.Pages;

public sealed record ReportsModel(IReadOnlyList<ReviewStatus> Reviews, IReadOnlyList<ReportEntry> Reports, string ThisMonth, string MonthBefore, string FormToken, Failure? Failure = null);

public sealed record ReviewModel(ReviewStatus Status, ReviewEvidence Evidence, string FormToken, Failure? Failure = null);

public sealed record ReportModel(ComplianceReport Report);

/// <summary>Reviews that are due, and reports for auditors.</summary>
internal static class ReportPages
{
    public static void MapReportPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/reports", ShowAsync).Needs(Role.Auditor);
        pages.MapPost("/reports", MakeAsync).Needs(Role.Auditor);
        pages.MapGet("/reports/{id}", ShowOneAsync).Needs(Role.Auditor);
        pages.MapGet("/reviews/{name}", ShowReviewAsync).Needs(Role.Auditor);
        pages.MapPost("/reviews/{name}", DoneAsync).Needs(Role.Auditor);
    }

    private static async Task<RazorComponentResult<ReportsPage>> ShowAsync(HttpContext context, ReviewBook reviews, ReportMaker reports, TimeProvider time, CancellationToken ct) =>
        PageResult.Of<ReportsPage, ReportsModel>(context, await ModelAsync(context, reviews, reports, time, ct));

    private static async Task<IResult> MakeAsync(HttpContext context, ReviewBook reviews, ReportMaker reports, TimeProvider time, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        try
        {
            return TypedResults.LocalRedirect(Url((await reports.MakeAsync(form["month"].ToString(), ct)).Id));
        }
        catch (RagException e) when (e.Kind == ErrorKind.Invalid)
        {
            var failure = Failure.Of(e);
            return PageResult.Of<ReportsPage, ReportsModel>(context, await ModelAsync(context, reviews, reports, time, ct) with { Failure = failure }, failure.Status);
        }
    }

    private static async Task<RazorComponentResult<ReportPage>> ShowOneAsync(string id, HttpContext context, ReportMaker reports, CancellationToken ct) =>
        PageResult.Of<ReportPage, ReportModel>(context, new(await reports.GetAsync(id, ct)));

    private static async Task<RazorComponentResult<ReviewPage>> ShowReviewAsync(string name, HttpContext context, ReviewBook reviews, CancellationToken ct) =>
        PageResult.Of<ReviewPage, ReviewModel>(context, await ReviewAsync(name, context, reviews, ct));

    private static async Task<IResult> DoneAsync(string name, HttpContext context, ReviewBook reviews, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        try
        {
            await reviews.DoneAsync(name, form["notes"].ToString(), ct);
            return TypedResults.LocalRedirect("/reports");
        }
        catch (RagException e) when (e.Kind == ErrorKind.Invalid)
        {
            var failure = Failure.Of(e);
            return PageResult.Of<ReviewPage, ReviewModel>(context, await ReviewAsync(name, context, reviews, ct) with { Failure = failure }, failure.Status);
        }
    }

    private static async Task<ReviewModel> ReviewAsync(string name, HttpContext context, ReviewBook reviews, CancellationToken ct)
    {
        var evidence = await reviews.GatherAsync(name, ct);
        return new((await reviews.StatusAsync(ct)).Single(s => s.Name == name), evidence, PageForms.Token(context));
    }

    private static async Task<ReportsModel> ModelAsync(HttpContext context, ReviewBook reviews, ReportMaker reports, TimeProvider time, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        return new(await reviews.StatusAsync(ct), await reports.ListAsync(ct), now.ToString("yyyy-MM", System.Globalization.CultureInfo.InvariantCulture), ReportMonth.Before(now).Name, PageForms.Token(context));
    }

    public static string Url(string id) => $"/reports/{Uri.EscapeDataString(id)}";

    public static string Class(string state) => state switch { ReviewState.InOrder => "good", ReviewState.Attention => "bad", _ => "" };
}
