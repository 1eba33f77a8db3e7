using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Audit;
using Rag.Foundation;

namespace Rag.App.Pages;

/// <param name="Return">A path of this server to go to then.</param>
/// <param name="Problem">Why signing in did not work; null where it was not tried.</param>
/// <param name="Refused">Why nobody can sign in over this connection; null where they can.</param>
public sealed record SignInModel(string Return, string FormToken, bool SingleSignOn, string? Problem = null, string? Refused = null);

/// <summary>Signing in and out of the pages, with a key or at the provider of single sign-on.</summary>
internal static class SignInPages
{
    private const int MaxFormBytes = 16_384;

    public static void MapSignInPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet(SingleSignOn.Page, (HttpContext context, AccessOptions options, string? @return = null, string? problem = null) => Show(context, options, @return, problem switch
        {
            null => null,
            "provider" => "Single sign-on did not work. Try again, or ask an administrator.",
            _ => "That did not work. Try again.",
        })).ForEverybody();
        pages.MapPost(SingleSignOn.Page, SignInAsync).ForEverybody();
        pages.MapGet(SingleSignOn.StartPath, StartAsync).ForEverybody();
        pages.MapPost("/sign-out", SignOutAsync).ForEverybody();
    }

    public static string Url(string path) => $"{SingleSignOn.Page}?return={Uri.EscapeDataString(SingleSignOn.LocalPath(path))}";

    private static IResult Show(HttpContext context, AccessOptions options, string? path, string? problem, int status = 200) => options.IsOpen
        // Nobody needs to.
        ? TypedResults.LocalRedirect("/")
        : PageResult.Of<SignInPage, SignInModel>(context, new(SingleSignOn.LocalPath(path), PageForms.Token(context), options.Oidc.SignsIn, problem, Safe(context) ? null
            : "This page came over plain HTTP, on which a session could be stolen. Open it over HTTPS, or on the machine itself."), status);

    private static async Task<IResult> SignInAsync(HttpContext context, AccessOptions options, Authenticator authenticator, Gate gate, Sessions sessions, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        if (context.Request.ContentLength is null or > MaxFormBytes) throw new RagException(ErrorKind.TooLarge, "The form is too large.", "Paste the key alone.");
        var form = await context.Request.ReadFormAsync(ct);
        string path = SingleSignOn.LocalPath(form["return"]);
        if (options.IsOpen) return TypedResults.LocalRedirect(path);
        if (!Safe(context)) return Show(context, options, path, null, 403);
        var recognised = authenticator.ByKey(form["key"].ToString().Trim(), context.Connection.RemoteIpAddress?.ToString());
        if (recognised.Why is not null)
        {
            gate.Failed(context, recognised, "page:/sign-in");
            return Show(context, options, path, "This key does not hold: it is unknown, has expired or was revoked.", 401);
        }
        Actor.Become(recognised.Caller);
        sessions.SetCookie(context, await sessions.BeginAsync(recognised.Caller, ct));
        return TypedResults.LocalRedirect(path);
    }

    private static async Task StartAsync(HttpContext context, AccessOptions options, string? @return = null)
    {
        if (options.IsOpen || !options.Oidc.SignsIn || !Safe(context))
        {
            context.Response.Redirect(SingleSignOn.Page);
            return;
        }
        await context.ChallengeAsync(SingleSignOn.Scheme, new AuthenticationProperties { RedirectUri = SingleSignOn.LocalPath(@return) });
    }

    private static async Task<IResult> SignOutAsync(HttpContext context, Sessions sessions, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        if (Sessions.TokenOf(context.Request) is { } token && Caller.Current.Kind is "key" or "user") await sessions.EndAsync(Sessions.TokenOf(context.Request)!, Caller.Current, ct);
        Sessions.RemoveCookie(context);
        return TypedResults.LocalRedirect(SingleSignOn.Page);
    }

    /// <summary>A cookie on plain HTTP is for whoever listens; on the machine itself nobody does.</summary>
    private static bool Safe(HttpContext context) => context.Request.IsHttps || (context.Connection.RemoteIpAddress is { } address && System.Net.IPAddress.IsLoopback(address));
}
