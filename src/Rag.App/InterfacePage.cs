using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Rag.Access;
using Scalar.AspNetCore;

namespace Rag.App;

/// <summary>The page that shows the HTTP interface, and the description that it is made from.</summary>
internal static partial class InterfacePage
{
    private const string Path = "/docs";

    [GeneratedRegex("<script[^>]*>([^<]+)</script>")]
    private static partial Regex InlineScript { get; }

    public static IEndpointRouteBuilder MapInterface(this IEndpointRouteBuilder routes)
    {
        routes.MapOpenApi().Needs(Role.Reader, Role.Operator, Role.Auditor);
        routes.MapScalarApiReference(Path, scalar => scalar.WithTitle("rag-system HTTP interface")).Needs(Role.Reader, Role.Operator, Role.Auditor);
        return routes;
    }

    /// <summary>
    /// The library's page has a script of its own in it, which is allowed by its SHA-256 and no other is. It styles itself as it
    /// goes, which no hash can allow; it shows nothing that documents or people wrote.
    /// </summary>
    public static IApplicationBuilder UseInterfacePolicy(this IApplicationBuilder app) => app.Use(next => async context =>
    {
        if (!context.Request.Path.StartsWithSegments(Path, out var rest) || (rest.HasValue && rest != "/") || !HttpMethods.IsGet(context.Request.Method))
        {
            await next(context);
            return;
        }
        var body = context.Response.Body;
        using var page = new MemoryStream();
        context.Response.Body = page;
        try
        {
            await next(context);
        }
        finally
        {
            context.Response.Body = body;
        }
        if (context.Response.ContentType?.StartsWith("text/html", StringComparison.OrdinalIgnoreCase) == true)
        {
            string scripts = string.Concat(InlineScript.Matches(Encoding.UTF8.GetString(page.ToArray())).Select(m => $" 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(m.Groups[1].Value)))}'"));
            SecurityHeaders.ApplyPage(context);
            context.Response.Headers.ContentSecurityPolicy =
                $"default-src 'none'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
        }
        page.Position = 0;
        await page.CopyToAsync(body, context.RequestAborted);
    });
}
