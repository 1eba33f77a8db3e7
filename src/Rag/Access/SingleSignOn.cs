using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;
using Rag.Audit;
using Rag.Foundation;

namespace Rag.Access;

/// <summary>
/// OpenID Connect with ASP.NET's handlers: tokens of programs, and the code flow with PKCE for people. Issuer, audience and
/// signature algorithms are pinned; a key that is not known makes the handler read the provider's keys anew, once in half a
/// minute at most.
/// </summary>
internal static class SingleSignOn
{
    public const string Scheme = "oidc", CallbackPath = "/sign-in/callback", StartPath = "/sign-in/oidc", Page = "/sign-in";

    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(30), Refresh = TimeSpan.FromSeconds(30), Reread = TimeSpan.FromHours(1), Limit = TimeSpan.FromSeconds(10);

    public static IServiceCollection AddSingleSignOn(this IServiceCollection services, AccessOptions options)
    {
        // Nobody is authenticated but by who asks for it here.
        AppContext.SetSwitch("Microsoft.AspNetCore.Authentication.SuppressAutoDefaultScheme", true);
        var oidc = options.Oidc;
        var authentication = services.AddAuthentication().AddJwtBearer(bearer =>
        {
            bearer.Authority = oidc.Authority;
            bearer.RequireHttpsMetadata = oidc.Authority.StartsWith("https:", StringComparison.Ordinal);
            bearer.MapInboundClaims = false;
            bearer.RefreshInterval = Refresh;
            bearer.AutomaticRefreshInterval = Reread;
            bearer.BackchannelTimeout = Limit;
            bearer.TokenValidationParameters = Pinned(oidc, oidc.Audience);
        });
        // Keys that the provider has withdrawn hold no longer, whatever was good last.
        services.PostConfigure<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme, bearer => OnlyCurrent(bearer.ConfigurationManager));
        if (!oidc.SignsIn) return services;
        services.PostConfigure<OpenIdConnectOptions>(Scheme, code => OnlyCurrent(code.ConfigurationManager));
        authentication.AddOpenIdConnect(Scheme, code =>
        {
            code.Authority = oidc.Authority;
            code.RequireHttpsMetadata = oidc.Authority.StartsWith("https:", StringComparison.Ordinal);
            code.ClientId = oidc.ClientId;
            code.ClientSecret = oidc.ClientSecretFile.Length > 0 ? File.ReadAllText(oidc.ClientSecretFile).Trim() : null;
            code.ResponseType = OpenIdConnectResponseType.Code;
            // A form that another site posts is refused by the host guard; the code comes in the address.
            code.ResponseMode = OpenIdConnectResponseMode.Query;
            code.UsePkce = true;
            code.MapInboundClaims = false;
            code.SaveTokens = false;
            code.CallbackPath = CallbackPath;
            code.RefreshInterval = Refresh;
            code.BackchannelTimeout = Limit;
            code.TokenValidationParameters = Pinned(oidc, oidc.ClientId);
            code.Scope.Clear();
            foreach (string scope in oidc.Scopes.Split(' ', StringSplitOptions.RemoveEmptyEntries)) code.Scope.Add(scope);
            foreach (var cookie in (CookieBuilder[])[code.CorrelationCookie, code.NonceCookie]) (cookie.SameSite, cookie.SecurePolicy) = (SameSiteMode.Lax, CookieSecurePolicy.SameAsRequest);
            code.Events = new() { OnTokenValidated = SignedInAsync, OnRemoteFailure = FailedAsync };
        });
        return services;
    }

    /// <summary>A path of this server; the start page where it is anything else.</summary>
    public static string LocalPath(string? path) => path is ['/', ..] && !path.StartsWith("//", StringComparison.Ordinal) && !path.StartsWith("/\\", StringComparison.Ordinal) && !path.Any(c => char.IsControl(c) || c == '\\') ? path : "/";

    private static void OnlyCurrent(object? manager)
    {
        if (manager is BaseConfigurationManager known) known.UseLastKnownGoodConfiguration = false;
    }

    private static TokenValidationParameters Pinned(OidcOptions oidc, string audience) => new()
    {
        ValidAlgorithms = oidc.AlgorithmList,
        ValidAudience = audience,
        ValidateAudience = true,
        ValidateIssuer = true,
        ValidateLifetime = true,
        ValidateIssuerSigningKey = true,
        RequireExpirationTime = true,
        RequireSignedTokens = true,
        RequireAudience = true,
        ClockSkew = Skew,
        NameClaimType = oidc.NameClaim,
    };

    private static async Task SignedInAsync(Microsoft.AspNetCore.Authentication.OpenIdConnect.TokenValidatedContext signed)
    {
        var services = signed.HttpContext.RequestServices;
        var options = services.GetRequiredService<AccessOptions>();
        if (OidcUser.Of(signed.Principal!, options.Oidc) is not { } user)
        {
            signed.Fail("The provider's token names nobody.");
            return;
        }
        var caller = services.GetRequiredService<AccessDirectory>().Current.Resolve("user", user.Subject, user.Name, user.Groups, services.GetRequiredService<TimeProvider>().Microseconds()).Caller
            with { Address = signed.HttpContext.Connection.RemoteIpAddress?.ToString() };
        services.GetRequiredService<LastUse>().User(user);
        Actor.Become(caller);
        var sessions = services.GetRequiredService<Sessions>();
        sessions.SetCookie(signed.HttpContext, await sessions.BeginAsync(caller, signed.HttpContext.RequestAborted));
        signed.HandleResponse();
        signed.Response.Redirect(LocalPath(signed.Properties?.RedirectUri));
    }

    private static Task FailedAsync(RemoteFailureContext failed)
    {
        var services = failed.HttpContext.RequestServices;
        services.GetRequiredService<SecurityMetrics>().Event(SecurityPattern.AuthenticationFailed);
        services.GetRequiredService<Refusals>().Note(AuditCategory.SignIn, "session.refused", "service:oidc", Caller.Anonymous(failed.HttpContext.Connection.RemoteIpAddress?.ToString()));
        failed.HandleResponse();
        failed.Response.Redirect($"{Page}?problem=provider");
        return Task.CompletedTask;
    }
}
