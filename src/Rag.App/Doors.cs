using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using Rag.Access;
using Rag.Foundation;

namespace Rag.App;

/// <summary>How requests come in: on which addresses, through which proxies, with one length.</summary>
internal static class Doors
{
    /// <summary>Refuses to serve openly what others can reach, and says where keys would travel unprotected.</summary>
    /// <exception cref="RagException">Invalid: an address is not for open mode.</exception>
    public static void Check(WebApplication app, IReadOnlyList<string> urls)
    {
        // Those of the section Kestrel go before the others.
        var all = urls.Concat(app.Configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(e => e["Url"]).OfType<string>()).ToList();
        if (app.Services.GetRequiredService<AccessOptions>().IsOpen) OpenMode.RequireLoopback(all);
        else foreach (string url in all.Where(u => u.StartsWith("http://", StringComparison.OrdinalIgnoreCase) && !OpenMode.IsLoopback(u))) app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Rag.Access").PlainHttp(url);
    }

    /// <summary>Believes the proxies that the configuration names, and nobody else, who is asking and over what.</summary>
    public static IApplicationBuilder UseProxies(this IApplicationBuilder app)
    {
        var proxies = app.ApplicationServices.GetRequiredService<AccessOptions>().Proxies;
        if (proxies.Count == 0) return app;
        var options = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto, ForwardLimit = null };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (string proxy in proxies)
        {
            if (IPAddress.TryParse(proxy, out var address)) options.KnownProxies.Add(address);
            else options.KnownIPNetworks.Add(System.Net.IPNetwork.Parse(proxy));
        }
        return app.UseForwardedHeaders(options);
    }

    /// <summary>
    /// A request that says its length twice is what smuggling is made of (RFC 9112, 6.3): Kestrel would believe the chunks and
    /// set the length aside. It is refused, and its connection closed.
    /// </summary>
    public static IApplicationBuilder UseOneLength(this IApplicationBuilder app) => app.Use(static next => context =>
    {
        var headers = context.Request.Headers;
        if (headers.TransferEncoding.Count == 0 || (headers.ContentLength is null && !headers.ContainsKey("X-Content-Length"))) return next(context);
        context.Response.OnStarting(static state =>
        {
            ((HttpResponse)state).Headers.Connection = "close";
            return Task.CompletedTask;
        }, context.Response);
        throw new RagException(ErrorKind.Invalid, "The request has both Content-Length and Transfer-Encoding.", "Send one of them.");
    });
}
