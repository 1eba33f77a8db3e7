using System.Diagnostics;
using Microsoft.AspNetCore.Antiforgery;
using Rag.Access;
using Rag.Foundation;

namespace Rag.App.Pages;

/// <param name="Title">What kind of thing went wrong, a sentence without its full stop.</param>
/// <param name="Message">What exactly.</param>
/// <param name="Remedy">What the reader can do about it.</param>
/// <param name="RetryAfterSeconds">When trying again makes sense, where that is known.</param>
public sealed record Failure(int Status, string Title, string Message, string Remedy, int? RetryAfterSeconds = null)
{
    internal static Failure Of(RagException e) => new(Problems.Of(e.Kind).Status, Problems.Of(e.Kind).Title, e.Message, e.Remedy, e.RetryAfterSeconds);
}

/// <summary>Shows errors of pages as pages; those of the HTTP interface go on to become problem details.</summary>
internal static partial class PageErrors
{
    public static async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        bool page = context.GetEndpoint()?.Metadata.GetMetadata<PageMetadata>() is not null;
        if (!page)
        {
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: 404, ContentLength: null, ContentType: null } && WantsPage(context.Request))
                await ShowAsync(context, new(404, "There is no such page", $"There is nothing at {context.Request.Path}.", "Start from Ask or Documents."));
            return;
        }
        try
        {
            await next(context);
        }
        catch (RagException e) when (e.Kind == ErrorKind.Unauthenticated && !context.Response.HasStarted && (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)))
        {
            // Whoever is not known signs in, and comes back to where they wanted to go.
            context.Response.Redirect(SignInPages.Url(context.Request.Path + context.Request.QueryString));
        }
        catch (RagException e)
        {
            await ShowAsync(context, Failure.Of(e));
        }
        catch (AntiforgeryValidationException)
        {
            context.RequestServices.GetRequiredService<SecurityMetrics>().Event(SecurityPattern.OriginRejected);
            await ShowAsync(context, new(400, "The form has expired", "It was opened before the server was last started, or not on a page of this server. Nothing was changed.", "Open the page again and repeat."));
        }
        catch (Exception e) when (e is BadHttpRequestException or InvalidDataException)
        {
            await ShowAsync(context, new(e is BadHttpRequestException { StatusCode: 413 } || e is InvalidDataException ? 413 : 400, "The request could not be read", e.Message, "Send fewer or smaller files at a time."));
        }
        catch (Exception e) when (!context.RequestAborted.IsCancellationRequested)
        {
            Log(context).Unexpected(e, context.Request.Method, context.Request.Path);
            string trace = Activity.Current?.TraceId.ToString() ?? context.TraceIdentifier;
            await ShowAsync(context, new(500, "Something went wrong here", $"An unexpected error; the server's log has it under the trace id {trace}.", "Try again; if it persists, report the trace id."));
        }
    }

    private static bool WantsPage(HttpRequest request) =>
        HttpMethods.IsGet(request.Method) && !request.Path.StartsWithSegments("/v1") && !request.Path.StartsWithSegments("/admin") && request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);

    private static Task ShowAsync(HttpContext context, Failure failure)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return Task.CompletedTask;
        }
        context.Response.Clear();
        Rag.Audit.Actor.Become(AccessMiddleware.CallerOf(context));
        ProblemMiddleware.SetRetryAfter(context.Response, failure.Status, overloaded: failure.Title == Problems.Of(ErrorKind.Overloaded).Title, failure.RetryAfterSeconds);
        return PageResult.Of<FailurePage, Failure>(context, failure, failure.Status).ExecuteAsync(context);
    }

    private static ILogger Log(HttpContext context) => context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("Rag.App.Pages");

    [LoggerMessage(9003, LogLevel.Error, "Unexpected error in page {Method} {Path}")]
    private static partial void Unexpected(this ILogger log, Exception error, string method, string path);
}
