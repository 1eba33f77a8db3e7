using System.Data.Common;
using System.Diagnostics;
using Microsoft.AspNetCore.Mvc;
using Rag.Access;
using Rag.Foundation;
using Rag.Protocols;
using Rag.Storage;

namespace Rag.App;

/// <summary>Turns what was thrown into problem details, in one place; nothing of an unexpected error but its trace id leaves the server.</summary>
internal static partial class ProblemMiddleware
{
    private const int RetryAfterSeconds = 5;
    /// <summary>The queue is bounded in time, so that room comes soon.</summary>
    private const int RetryAfterLoadSeconds = 1;

    public static IApplicationBuilder UseProblems(this IApplicationBuilder app)
    {
        var log = app.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger("Rag.App.Problems");
        return app.Use(next => context => HandleAsync(context, next, log));
    }

    private static async Task HandleAsync(HttpContext context, RequestDelegate next, ILogger log)
    {
        try
        {
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: 404 or 405 or 415, ContentLength: null, ContentType: null }) await NoRouteAsync(context);
        }
        catch (RagException e)
        {
            if (e.Kind is ErrorKind.Unavailable or ErrorKind.StorageFull) log.Unavailable(e, e.Message);
            await WriteAsync(context, e.Kind, e.Message, e.Remedy, e.RetryAfterSeconds);
        }
        catch (DbException e)
        {
            // Reading from the record failed on the way; what that means is the engine's to say.
            var problem = context.RequestServices.GetRequiredService<Database>().Translate(e);
            log.Unavailable(e, problem.Message);
            await WriteAsync(context, problem.Kind, problem.Message, problem.Remedy);
        }
        catch (BadHttpRequestException e)
        {
            var kind = Problems.KindOf(e.StatusCode) is var k && e.StatusCode is 413 or 415 ? k : ErrorKind.Invalid;
            await WriteAsync(context, kind, e.InnerException?.Message is { } inner ? $"{e.Message} {inner}" : e.Message, "Send what the interface's page at /docs shows.");
        }
        catch (System.Text.Json.JsonException e)
        {
            await WriteAsync(context, ErrorKind.Invalid, $"The body is not the JSON that was expected: {e.Message}", "Send what the interface's page at /docs shows.");
        }
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested && e is OperationCanceledException or IOException)
        {
            // The caller went away; there is nobody to tell.
            context.Response.StatusCode = 499;
        }
        catch (Exception e)
        {
            log.Unexpected(e, context.Request.Method, context.Request.Path);
            await WriteAsync(context, 500, Problems.TypePrefix + "internal", "Something went wrong here", "An unexpected error; the server's log has it under the trace id.", "Try again; if it persists, report the trace id.");
        }
    }

    private static Task NoRouteAsync(HttpContext context) => context.Response.StatusCode switch
    {
        405 => WriteAsync(context, 405, Problems.TypePrefix + "method", "The method is not allowed", $"{context.Request.Path} does not take {context.Request.Method}.", "The interface's page at /docs shows what it takes."),
        415 => WriteAsync(context, ErrorKind.Unsupported, $"{context.Request.Path} does not take the content type '{context.Request.ContentType}'.", "The interface's page at /docs shows what it takes."),
        _ => WriteAsync(context, ErrorKind.NotFound, $"There is nothing at {context.Request.Path}.", "The interface's page at /docs shows what there is."),
    };

    private static Task WriteAsync(HttpContext context, ErrorKind kind, string message, string remedy, int? retryAfterSeconds = null)
    {
        var (status, type, title) = Problems.Of(kind);
        if (kind is ErrorKind.TooLarge or ErrorKind.Overloaded)
            context.RequestServices.GetRequiredService<SecurityMetrics>().Event(kind == ErrorKind.TooLarge ? SecurityPattern.TooLarge : SecurityPattern.Overloaded);
        return WriteAsync(context, status, type, title, message, remedy, retryAfterSeconds);
    }

    private static Task WriteAsync(HttpContext context, int status, string type, string title, string detail, string remedy, int? retryAfterSeconds = null)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return Task.CompletedTask;
        }
        context.Response.Clear();
        SecurityHeaders.Apply(context);
        context.Response.StatusCode = status;
        // RFC 6750, 3: what to show, and whether something that was shown did not do.
        if (status == 401) context.Response.Headers.WWWAuthenticate = context.Request.Headers.Authorization.Count > 0 ? "Bearer realm=\"rag-system\", error=\"invalid_token\"" : "Bearer realm=\"rag-system\"";
        SetRetryAfter(context.Response, status, overloaded: type.EndsWith(":overloaded", StringComparison.Ordinal), retryAfterSeconds);
        if (OpenAiErrors.WantedBy(context)) return context.Response.WriteAsJsonAsync(OpenAiErrors.Of(status, type, detail, remedy), OpenAiJson.Default.OpenAiErrorBody, "application/json");
        var problem = new ProblemDetails { Status = status, Type = type, Title = title, Detail = detail, Instance = context.Request.Path };
        problem.Extensions["remedy"] = remedy;
        problem.Extensions["trace_id"] = Activity.Current?.TraceId.ToString() ?? context.TraceIdentifier;
        return context.Response.WriteAsJsonAsync(problem, StatusJson.Default.ProblemDetails, "application/problem+json");
    }

    /// <summary>What a refusal for now must say, on every door.</summary>
    public static void SetRetryAfter(HttpResponse response, int status, bool overloaded, int? seconds)
    {
        if (status is 429 or 503) response.Headers.RetryAfter = (seconds ?? (overloaded ? RetryAfterLoadSeconds : RetryAfterSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    [LoggerMessage(9001, LogLevel.Warning, "Refused for now: {Reason}")]
    private static partial void Unavailable(this ILogger log, Exception error, string reason);

    [LoggerMessage(9002, LogLevel.Error, "Unexpected error in {Method} {Path}")]
    private static partial void Unexpected(this ILogger log, Exception error, string method, string path);
}
