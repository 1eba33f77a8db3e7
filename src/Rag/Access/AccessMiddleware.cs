using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Rag.Audit;
using Rag.Foundation;

namespace Rag.Access;

/// <summary>
/// The one gate that every request passes: who it is, whether they may reach the route, whether they ask too much. A route
/// that does not say what it takes is refused to everybody.
/// </summary>
internal sealed class Gate(Authenticator authenticator, RequestLimits limits, Refusals refusals, SecurityMetrics metrics, AccessOptions options)
{
    private readonly bool _open = options.IsOpen;

    public async Task PassAsync(HttpContext context, RequestDelegate next)
    {
        var endpoint = context.GetEndpoint();
        // Nothing is there, or a method or content type that nothing takes: what says so tells nobody anything.
        if (endpoint is null || (endpoint is not RouteEndpoint && endpoint.Metadata.Count == 0))
        {
            await next(context);
            return;
        }
        var roles = endpoint.Metadata.GetMetadata<RouteRoles>()
            ?? throw new RagException(ErrorKind.Forbidden, $"{context.Request.Path} does not say who may reach it.", "This is a mistake in the program; report it.");
        bool forEverybody = roles.AnyOf.Count == 0;
        Recognised recognised;
        try
        {
            recognised = await authenticator.RecogniseAsync(context);
        }
        catch (RagException e) when (forEverybody && e.Kind == ErrorKind.Unavailable)
        {
            recognised = new(Caller.Anonymous(context.Connection.RemoteIpAddress?.ToString()));
        }
        var caller = recognised.Caller;
        Actor.Become(caller);
        // For the page that says what went wrong, which is made outside this flow.
        if (!_open) context.Features.Set(caller);
        if (!forEverybody)
        {
            if (recognised.Why is { } why) throw Unauthenticated(context, recognised, why);
            if (recognised.BySession) BelongsHere(context.Request);
            if (!HasOne(caller, roles.AnyOf)) throw Forbidden(endpoint, caller, roles);
            if (!_open && caller.Kind is not ("local" or Actor.ProbeKind or "system")) Limit(context, endpoint, recognised);
        }
        // Tokens of forms hold for who got them.
        if (recognised.BySession && recognised.Why is null) context.User = new(new ClaimsIdentity([new Claim("sub", $"{caller.Kind}:{caller.Id}")], "session"));
        await next(context);
    }

    /// <summary>What a wrong key costs an address, wherever it was shown.</summary>
    /// <exception cref="RagException">TooMany: the address tried too many.</exception>
    public void Failed(HttpContext context, Recognised recognised, string where)
    {
        metrics.Event(SecurityPattern.AuthenticationFailed);
        // A key that is known says whose refusal it is; of all others only the address is.
        if (recognised.Key is { } key) refusals.Note(AuditCategory.Refusal, "access.unauthenticated", $"key:{key}", recognised.Caller);
        else refusals.Note(AuditCategory.Refusal, "access.unauthenticated", where, recognised.Caller);
        try
        {
            limits.Failure(context.Connection.RemoteIpAddress);
        }
        catch (RagException)
        {
            metrics.Event(SecurityPattern.RateLimited);
            throw;
        }
    }

    private RagException Unauthenticated(HttpContext context, Recognised recognised, Unknown why)
    {
        if (why is not (Unknown.Nothing or Unknown.EndedSession)) Failed(context, recognised, "service:http");
        else if (why == Unknown.Nothing) refusals.Note(AuditCategory.Refusal, "access.anonymous", "service:http", recognised.Caller);
        return why switch
        {
            Unknown.Nothing => new(ErrorKind.Unauthenticated, "This takes a key or a sign-in.", "Send 'Authorization: Bearer KEY', give commands a file with --key, or sign in at /sign-in; an administrator makes keys with 'rag keys create'."),
            Unknown.EndedSession => new(ErrorKind.Unauthenticated, "You are not signed in any more.", "Sign in again at /sign-in."),
            // The same for all: whoever guesses learns nothing.
            _ => new(ErrorKind.Unauthenticated, "This key or token does not hold: it is unknown, has expired or was revoked.", "Ask an administrator for a new one; 'rag keys list' shows them which have ended."),
        };
    }

    private RagException Forbidden(Endpoint endpoint, Caller caller, RouteRoles roles)
    {
        metrics.Event(SecurityPattern.NotAllowed);
        refusals.Note(AuditCategory.Refusal, "access.refused", $"route:{Name(endpoint)}", caller);
        return caller.Lacks(roles.AnyOf);
    }

    private void Limit(HttpContext context, Endpoint endpoint, Recognised recognised)
    {
        try
        {
            limits.Address(context.Connection.RemoteIpAddress);
            limits.Caller(recognised.Caller, recognised.Limits);
            if (IsQuestion(context.Request, endpoint)) limits.Question(recognised.Caller, recognised.Limits);
        }
        catch (RagException)
        {
            metrics.Event(SecurityPattern.RateLimited);
            throw;
        }
    }

    /// <summary>The page to ask on is none before something was asked.</summary>
    private static bool IsQuestion(HttpRequest request, Endpoint endpoint) =>
        endpoint.Metadata.GetMetadata<EnableRateLimitingAttribute>()?.PolicyName == LoadClass.Questions && (!HttpMethods.IsGet(request.Method) || request.Query.ContainsKey("q"));

    /// <summary>
    /// Browsers send the cookie with whatever a page asks them to send, and say which page it was: what changes something
    /// must be known to come from a page of this server (the Origin was compared before, by <see cref="HostGuard"/>).
    /// </summary>
    private static void BelongsHere(HttpRequest request)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || request.Headers.Origin.Count == 1 || request.Headers["Sec-Fetch-Site"] == "same-origin") return;
        throw new RagException(ErrorKind.Forbidden, "A session alone changes nothing: the request does not say which page sent it.", "Send it from the server's own pages; programs use a key.");
    }

    private static bool HasOne(Caller caller, IReadOnlyList<Role> roles)
    {
        for (int i = 0; i < roles.Count; i++) if (caller.Has(roles[i])) return true;
        return false;
    }

    private static string Name(Endpoint endpoint) => (endpoint as RouteEndpoint)?.RoutePattern.RawText ?? "?";
}

internal static class AccessMiddleware
{
    /// <summary>Before everything: until the gate has said otherwise a request is nobody's, and never the service's own.</summary>
    public static IApplicationBuilder UseCaller(this IApplicationBuilder app)
    {
        var nobody = Nobody(app.ApplicationServices);
        return app.Use(next => async context =>
        {
            Actor.Become(nobody);
            await next(context);
        });
    }

    /// <summary>Whoever the gate recognised, for what is done about a request after it.</summary>
    public static Caller CallerOf(HttpContext context) => context.Features.Get<Caller>() ?? Nobody(context.RequestServices);

    private static Caller Nobody(IServiceProvider services) => services.GetRequiredService<AccessOptions>().IsOpen ? Caller.Open(null) : Caller.Anonymous(null);

    /// <summary>After routing, so that the route says what it takes, and before everything that works for a caller.</summary>
    public static IApplicationBuilder UseAccess(this IApplicationBuilder app)
    {
        var services = app.ApplicationServices;
        // The way back from the provider is the handler's; everything else is the gate's.
        if (services.GetRequiredService<AccessOptions>() is { IsOpen: false, Oidc.Configured: true }) app.UseAuthentication();
        var gate = services.GetRequiredService<Gate>();
        return app.Use(next => context => gate.PassAsync(context, next));
    }
}
