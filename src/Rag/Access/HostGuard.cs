using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Rag.Access;

/// <summary>
/// In open mode the address is the only lock, so a page of another site must not get in through the visitor's own
/// browser: requests for other host names (DNS rebinding) and writes that another origin sent are refused.
/// </summary>
internal static class HostGuard
{
    public static IApplicationBuilder UseHostGuard(this IApplicationBuilder app) => app.Use(static (context, next) =>
    {
        if (!IsLocal(context.Request.Host.Host)) return Refuse(context, "This server answers to local host names only.");
        if (!HttpMethods.IsGet(context.Request.Method) && context.Request.Headers.Origin is { Count: > 0 } origin && !SameOrigin(origin!, context.Request))
            return Refuse(context, "A page of another origin sent this request.");
        return next(context);
    });

    private static bool IsLocal(string host) =>
        host is "localhost" or "127.0.0.1" or "[::1]" || host.EndsWith(".localhost", StringComparison.Ordinal)
        || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static bool SameOrigin(string origin, HttpRequest request) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase);

    private static Task Refuse(HttpContext context, string why)
    {
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        return context.Response.WriteAsync(why);
    }
}
