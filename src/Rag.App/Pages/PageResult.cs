using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Rag.App.Pages;

/// <summary>A page as a response: the component with its model, and the headers that every page has.</summary>
internal static class PageResult
{
    /// <summary>
    /// Nothing but this server's own files runs, styles or submits, and no other site may frame a page (Content Security
    /// Policy Level 3): a document that holds markup could do nothing even if it were shown as such.
    /// </summary>
    public const string ContentPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    public static RazorComponentResult<TPage> Of<TPage, TModel>(HttpContext context, TModel model, int status = 200) where TPage : IComponent
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = ContentPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        // Not no-referrer: with that, browsers send forms with "Origin: null", which the host guard refuses.
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()";
        headers.CacheControl = "no-store";
        return new RazorComponentResult<TPage>(new Dictionary<string, object?> { ["Model"] = model }) { StatusCode = status, PreventStreamingRendering = true };
    }
}
