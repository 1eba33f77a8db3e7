using Microsoft.Net.Http.Headers;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.DataProtection;

namespace Rag.App.Pages;

/// <summary>
/// The web pages: rendered on the server, whole without scripts, calling the same use cases as the HTTP interface.
/// </summary>
internal static class PagesModule
{
    public static IServiceCollection AddPages(this IServiceCollection services)
    {
        services.AddRazorComponents();
        services.AddSingleton<Assets>();
        services.AddSingleton<DocumentReader>();
        services.AddSingleton<SourceReader>();
        services.AddSingleton<RunbookHtml>();
        services.AddSingleton<LiveState>();
        services.AddHostedService(s => s.GetRequiredService<LiveState>());
        services.AddSingleton<OperateReadings>();
        // The first says that it found no folder for its keys, the second that it forbids caching, which is forbidden already.
        services.AddLogging(log => log.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error).AddFilter("Microsoft.AspNetCore.Antiforgery", LogLevel.Error));
        services.AddAntiforgery(options =>
        {
            options.Cookie.Name = "rag-form";
            options.FormFieldName = PageForms.TokenField;
            options.SuppressXFrameOptionsHeader = true;
            (options.Cookie.SameSite, options.Cookie.SecurePolicy) = (Microsoft.AspNetCore.Http.SameSiteMode.Strict, CookieSecurePolicy.SameAsRequest);
        });
        // The framework would keep keys in the user's folder; those of this product are in the record (FormSecrets).
        foreach (var service in services.Where(s => s.ServiceType == typeof(IHostedService) && s.ImplementationType?.Assembly == typeof(IDataProtectionProvider).Assembly || s.ImplementationType?.Name == "DataProtectionHostedService").ToList()) services.Remove(service);
        return services;
    }

    /// <summary>Files of the pages, and errors as pages where a browser asked for one.</summary>
    public static IApplicationBuilder UsePages(this WebApplication app)
    {
        var assets = app.Services.GetRequiredService<Assets>();
        app.UseStaticFiles(new StaticFileOptions
        {
            OnPrepareResponse = served =>
            {
                var headers = served.Context.Response.Headers;
                // An address that names the content may be kept for good; the bare one is asked for again, by ETag.
                headers.CacheControl = assets.IsCurrent(served.Context.Request) ? "public, max-age=31536000, immutable" : "no-cache";
            },
        });
        return app.Use(PageErrors.HandleAsync);
    }

    public static IEndpointRouteBuilder MapPages(this IEndpointRouteBuilder routes)
    {
        var pages = routes.MapGroup("").WithMetadata(new PageMetadata()).ExcludeFromDescription();
        routes.MapLive();
        pages.MapSignInPages();
        pages.MapAskPages();
        pages.MapAnswerPages();
        pages.MapDocumentsPages();
        pages.MapDocumentPages();
        pages.MapOperatePages();
        pages.MapCachePages();
        pages.MapSettingsPages();
        pages.MapMaintenancePages();
        pages.MapBackupPages();
        pages.MapIncidentPages();
        pages.MapSecurityPages();
        pages.MapRunbookPages();
        pages.MapAuditPages();
        pages.MapReportPages();
        pages.MapAccessPages();
        return routes;
    }
}

/// <summary>Marks endpoints whose errors are shown as pages.</summary>
internal sealed class PageMetadata;

internal static class PageForms
{
    public const string TokenField = "form_token";

    /// <summary>The hidden field that proves that a form came from a page of this server; sets its cookie.</summary>
    public static string Token(HttpContext context) => context.RequestServices.GetRequiredService<IAntiforgery>().GetAndStoreTokens(context).RequestToken!;

    /// <exception cref="AntiforgeryValidationException">The form did not come from a page of this server, or from before its restart.</exception>
    public static Task CheckAsync(HttpContext context) => context.RequestServices.GetRequiredService<IAntiforgery>().ValidateRequestAsync(context);
}
