using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Rag.Foundation;

namespace Rag.Access;

/// <summary>Whoever connected over the socket that a command opened for itself: the file system let nobody else in.</summary>
internal sealed record LocalConnection(string User);

/// <summary>Why nobody was recognised.</summary>
internal enum Unknown
{
    /// <summary>Nothing was shown.</summary>
    Nothing,
    WrongKey,
    ExpiredKey,
    WrongToken,
    EndedSession,
}

/// <param name="Caller">Nobody in particular where <paramref name="Why"/> is set.</param>
/// <param name="Key">What is known of the key that did not do, for the record: its id.</param>
/// <param name="Limits">The key whose own limits hold; null for those of the configuration.</param>
/// <param name="BySession">By a cookie, which browsers send whoever asks them to.</param>
internal readonly record struct Recognised(Caller Caller, Unknown? Why = null, string? Key = null, KnownKey? Limits = null, bool BySession = false);

/// <summary>Says who sent a request: by key, by token of single sign-on, by session, or by the door that it came through.</summary>
internal sealed class Authenticator(AccessOptions options, AccessDirectory directory, OwnKeys own, Sessions sessions, LastUse uses, TimeProvider time, ILogger<Authenticator> log)
{
    private const string Bearer = "Bearer ";

    public ValueTask<Recognised> RecogniseAsync(HttpContext context)
    {
        string? address = context.Connection.RemoteIpAddress?.ToString();
        if (context.Features.Get<LocalConnection>() is { } local) return new(new Recognised(Caller.Local(local.User)));
        var authorization = context.Request.Headers.Authorization;
        // Keys mean nothing here but the server's own: what it asks itself is nobody's reading.
        if (options.IsOpen) return new(new Recognised((authorization.Count == 1 ? OwnCaller(authorization[0]!) : null) ?? Caller.Open(address)));
        if (authorization.Count > 0)
        {
            string text = authorization.Count == 1 ? authorization[0]! : "";
            if (!text.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)) return new(Nobody(address, Unknown.WrongKey));
            var credential = text.AsSpan(Bearer.Length).Trim(' ');
            if (own.Find(credential) is { } self) return new(new Recognised(self with { Address = address }));
            // What has the form of a key is one; everything else is for the provider's signature to tell.
            return ApiKey.Looks(credential) || !options.Oidc.Configured ? new(ByKey(credential, address)) : ByTokenAsync(context, address);
        }
        if (Sessions.TokenOf(context.Request) is { } token) return sessions.RecogniseAsync(token, address, context.RequestAborted);
        return new(Nobody(address, Unknown.Nothing));
    }

    private Caller? OwnCaller(string authorization) => authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? own.Find(authorization.AsSpan(Bearer.Length).Trim(' ')) : null;

    public Recognised ByKey(ReadOnlySpan<char> text, string? address)
    {
        var state = directory.Current;
        bool formed = ApiKey.TryRead(text, out var id, out var secret);
        Span<byte> hash = stackalloc byte[ApiKey.HashBytes];
        ApiKey.Hash(secret, hash);
        if (!formed || state.FindKey(id) is not { } key) return Nobody(address, Unknown.WrongKey);
        long now = time.Microseconds();
        // Who only knows a key's name is nobody.
        if (!key.Opens(hash, now)) return Nobody(address, Unknown.WrongKey, key.Id);
        if (now >= key.ExpiresAt) return Nobody(address, Unknown.ExpiredKey, key.Id);
        uses.Key(key, now);
        return new(state.CallerOf(key, now) with { Address = address }, Limits: key);
    }

    private async ValueTask<Recognised> ByTokenAsync(HttpContext context, string? address)
    {
        var state = directory.Current;
        var result = await context.AuthenticateAsync(JwtBearerDefaults.AuthenticationScheme);
        if (!result.Succeeded || OidcUser.Of(result.Principal, options.Oidc) is not { } user)
        {
            log.TokenRefused(result.Failure?.GetType().Name ?? "it names nobody");
            return Nobody(address, Unknown.WrongToken);
        }
        uses.User(user);
        return new(state.Resolve("user", user.Subject, user.Name, user.Groups, time.Microseconds()).Caller with { Address = address });
    }

    internal static Recognised Nobody(string? address, Unknown why, string? key = null) => new(Caller.Anonymous(address), why, key);
}
