using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Rag.Foundation;

namespace Rag.Access;

/// <summary>
/// A page of another site must not get in through the visitor's own browser: requests for host names that are not this
/// server's (DNS rebinding) and writes that another origin sent are refused. In open mode the address is the only lock.
/// </summary>
internal static class HostGuard
{
    public static IApplicationBuilder UseHostGuard(this IApplicationBuilder app)
    {
        var options = app.ApplicationServices.GetRequiredService<AccessOptions>();
        var (open, hosts) = (options.IsOpen, options.Hosts);
        return app.Use(next => context =>
        {
            string host = context.Request.Host.Host;
            if (!Answers(host, hosts, open)) throw Rejected(context, SecurityPattern.HostRejected, open
                ? "This server answers to local host names only." : "This server does not answer to that host name.", open
                ? "Use http://127.0.0.1 or http://localhost with its port; a proxy in front must set that Host header." : "Use one of the names in Access:AllowedHosts, or add this one there.");
            if (!HttpMethods.IsGet(context.Request.Method) && context.Request.Headers.Origin is { Count: > 0 } origin && !SameOrigin(origin!, context.Request))
                throw Rejected(context, SecurityPattern.OriginRejected, "A page of another origin sent this request.", "Send it from the server's own pages or from a program.");
            return next(context);
        });
    }

    /// <summary>
    /// Local names always: the socket of a command calls itself localhost. In mode keys any name where none is listed, and any
    /// address: names can be made to point here by others, numbers cannot, and probes have nothing else.
    /// </summary>
    private static bool Answers(string host, IReadOnlyList<string> hosts, bool open) =>
        IsLocal(host) || (!open && (hosts.Count == 0 || IPAddress.TryParse(host.Trim('[', ']'), out _))) || hosts.Any(h => h.StartsWith("*.", StringComparison.Ordinal) ? host.EndsWith(h[1..], StringComparison.OrdinalIgnoreCase) : h.Equals(host, StringComparison.OrdinalIgnoreCase));

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
