using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Rag.Access;

/// <summary>
/// What every response tells browsers, in one place: pages, data, errors and files alike. Nothing but this server's own
/// files runs, styles or submits, and no other site may frame or embed a response (Content Security Policy Level 3): a
/// document that holds markup could do nothing even if it were shown as such.
/// </summary>
internal static class SecurityHeaders
{
    public const string PagePolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    private const string DataPolicy = "default-src 'none'; frame-ancestors 'none'";
    private const string Permissions = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
    // A year, as RFC 6797 has it in its examples.
    private const string Strict = "max-age=31536000; includeSubDomains";

    public static IApplicationBuilder UseSecurityHeaders(this IApplicationBuilder app) => app.Use(static next => context =>
    {
        Apply(context);
        return next(context);
    });

    /// <summary>For data and errors; once more where a response was cleared.</summary>
    public static void Apply(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = DataPolicy;
        // What one person was told is for nobody else, and not for their disk.
        headers.CacheControl = "no-store";
        if (context.Request.IsHttps) headers.StrictTransportSecurity = Strict;
    }

    /// <summary>For pages.</summary>
    /// <param name="style">Source expression of the one style sheet that stands in the page itself: its hash.</param>
    public static void ApplyPage(HttpContext context, string? style = null)
    {
        Apply(context);
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = style is null ? PagePolicy : PagePolicy.Replace("style-src 'self'", $"style-src 'self' {style}", StringComparison.Ordinal);
        headers.XFrameOptions = "DENY";
        // Not no-referrer: with that, browsers send forms with "Origin: null", which the host guard refuses.
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Permissions-Policy"] = Permissions;
    }
}
