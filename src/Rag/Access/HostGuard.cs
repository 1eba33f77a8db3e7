using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;

namespace Rag.Access;

/// <summary>
/// In open mode the address is the only lock, so a page of another site must not get in through the visitor's own
/// browser: requests for other host names (DNS rebinding) and writes that another origin sent are refused.
/// </summary>
internal static class HostGuard
{
    public static IApplicationBuilder UseHostGuard(this IApplicationBuilder app) => app.Use(static (context, next) =>
    {
        if (!IsLocal(context.Request.Host.Host)) throw Rejected(context, SecurityPattern.HostRejected, "This server answers to local host names only.", "Use http://127.0.0.1 or http://localhost with its port; a proxy in front must set that Host header.");
        if (!HttpMethods.IsGet(context.Request.Method) && context.Request.Headers.Origin is { Count: > 0 } origin && !SameOrigin(origin!, context.Request))
            throw Rejected(context, SecurityPattern.OriginRejected, "A page of another origin sent this request.", "Send it from the server's own pages or from a program.");
        return next(context);
    });

    private static RagException Rejected(HttpContext context, string pattern, string message, string remedy)
    {
        context.RequestServices.GetRequiredService<SecurityMetrics>().Event(pattern);
        return new(ErrorKind.Forbidden, message, remedy);
    }

    private static bool IsLocal(string host) =>
        host is "localhost" or "127.0.0.1" or "[::1]" || host.EndsWith(".localhost", StringComparison.Ordinal)
        || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static bool SameOrigin(string origin, HttpRequest request) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.Authority.Equals(request.Host.Value, StringComparison.OrdinalIgnoreCase);
}
