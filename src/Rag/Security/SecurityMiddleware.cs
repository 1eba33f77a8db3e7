using System.Buffers;
using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Primitives;
using Rag.Access;
using Rag.Audit;

namespace Rag.Security;

/// <summary>
/// Sees every request go by and hands on those that are out of the ordinary: by a sign in address or headers that plain ones
/// do not have, by a route or a key that is not there, or by opening a document. A plain request costs it a look at its
/// address and its headers.
/// </summary>
internal static class SecurityMiddleware
{
    private const int MaxHeaders = 16, MaxHeaderChars = 4_096, MaxWaiting = 64, MaxProgramChars = 256;

    /// <summary>What an address of this product is made of. Percent signs are not: what they stand for is to be looked at.</summary>
    private static readonly SearchValues<char> PlainTarget = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-_?=&");

    /// <summary>Signs that values of headers do not have, and that an attack needs.</summary>
    private static readonly SearchValues<char> HeaderSigns = SearchValues.Create("<>${}'`\\|%\r\n");

    private static readonly SearchValues<string> HeaderWords = SearchValues.Create(["../", "..\\", "://1", "://0x", "://[", "://lo", "() ", ")(", " or ", "--", ";nc", "; "], StringComparison.OrdinalIgnoreCase);

    /// <summary>Secrets, and values that the server itself reads by a grammar.</summary>
    private static readonly HashSet<string> Unread = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Authorization", "Accept", "Accept-Encoding", "Accept-Language", "Connection", "Content-Length", "Sec-Ch-Ua", "Sec-Ch-Ua-Platform", "Sec-Ch-Ua-Mobile", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest",
        "Upgrade-Insecure-Requests", "If-None-Match", "If-Modified-Since", "Traceparent", "Content-Type",
    };

    public static IApplicationBuilder UseSecurity(this IApplicationBuilder app)
    {
        var (feed, options, scores) = (app.ApplicationServices.GetRequiredService<SecurityFeed>(), app.ApplicationServices.GetRequiredService<SecurityOptions>(), app.ApplicationServices.GetRequiredService<Scores>());
        if (!options.Enabled) return app;
        app.ApplicationServices.GetRequiredService<DiagnosticListener>().Subscribe(new MalformedRequests(feed), static name => name == MalformedRequests.Event);
        int waiting = 0;
        return app.Use(next => async context =>
        {
            string target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
            bool odd = target.AsSpan().ContainsAnyExcept(PlainTarget) || HasOddHeader(context.Request.Headers);
            try
            {
                await next(context);
            }
            finally
            {
                int status = context.Response.StatusCode;
                var endpoint = context.GetEndpoint();
                bool document = HttpMethods.IsGet(context.Request.Method) && endpoint is RouteEndpoint { RoutePattern.RawText: { } route } && IsDocument(route);
                if (odd || status is 401 or 404 || document || context.Request.Method is not ("GET" or "POST" or "PUT" or "DELETE" or "HEAD" or "OPTIONS" or "PATCH"))
                {
                    var signal = Signal(context, target, status, endpoint is not null && !IsFallback(endpoint), document);
                    feed.Post(signal);
                }
            }
            // After the answer is made and before it is sent to the end, where the connection is the caller's to lose.
            if (options.Respond == "limit" && (context.Response.StatusCode == 401 || context.GetEndpoint() is null) && scores.Of(CallerIdentity.Of(Who(context))) >= options.LimitScore)
            {
                if (Interlocked.Increment(ref waiting) <= MaxWaiting) await Task.Delay(options.LimitDelayMs, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                Interlocked.Decrement(ref waiting);
            }
        });
    }

    private static RequestSignal Signal(HttpContext context, string target, int status, bool known, bool document)
    {
        var headers = new List<KeyValuePair<string, string>>();
        foreach (var (name, values) in context.Request.Headers)
        {
            if (headers.Count == MaxHeaders) break;
            if (IsOdd(name, values)) headers.Add(new(name, Bounded(values.ToString(), MaxHeaderChars)));
        }
        bool keyShown = context.Request.Headers.Authorization.Count > 0 || context.Request.Headers.ContainsKey("X-Api-Key") || (HttpMethods.IsPost(context.Request.Method) && context.Request.HasFormContentType);
        return new(Who(context), SecurityFeed.Trace, context.Request.Method, Bounded(target, Detection.Views.MaxChars), headers, Bounded(context.Request.Headers.UserAgent.ToString(), MaxProgramChars), status, known, document, keyShown);
    }

    /// <summary>Whoever the gate recognised, which stands behind this one and in a flow of its own; without one, whoever is at the address.</summary>
    private static Actor Who(HttpContext context) => context.Features.Get<Caller>() is { Kind: "key" or "user" } caller ? caller : Caller.Anonymous(Address(context.Connection.RemoteIpAddress));

    private static string? Address(IPAddress? address) => address is null ? null : (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();

    private static bool HasOddHeader(IHeaderDictionary headers)
    {
        foreach (var (name, values) in headers) if (IsOdd(name, values)) return true;
        return headers.UserAgent.ToString() is { Length: > 0 } program && Detection.ScannerSigns.WeighAgent(Bounded(program, MaxProgramChars)) > 0;
    }

    private static bool IsOdd(string name, StringValues values)
    {
        if (Unread.Contains(name)) return false;
        if (name.Equals("X-Content-Length", StringComparison.OrdinalIgnoreCase)) return true;
        // A browser's name of itself is full of blanks and brackets.
        bool free = name.Equals("User-Agent", StringComparison.OrdinalIgnoreCase) || name.Equals("Cookie", StringComparison.OrdinalIgnoreCase);
        foreach (string? value in values)
            if (value is not null && (value.AsSpan().ContainsAny(HeaderSigns) || (!free && value.AsSpan().ContainsAny(HeaderWords)) || (free && value.Contains("() {", StringComparison.Ordinal)))) return true;
        return false;
    }

    private static bool IsDocument(string route) => route is "/v1/collections/{name}/documents/{id}" or "/v1/collections/{name}/documents/{id}/text" or "/documents/{collection}/{id}";

    private static bool IsFallback(Endpoint endpoint) => endpoint is RouteEndpoint { RoutePattern.RawText: null or "" };

    private static string Bounded(string text, int max) => text.Length <= max ? text : text[..max];
}

/// <summary>Requests that Kestrel could not read: it answers them before there is a request that anybody could see.</summary>
internal sealed class MalformedRequests(SecurityFeed feed) : IObserver<KeyValuePair<string, object?>>
{
    public const string Event = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

    public void OnNext(KeyValuePair<string, object?> value)
    {
        if (value.Value is not IFeatureCollection features || features.Get<IBadRequestExceptionFeature>()?.Error is not { } error) return;
        // A caller who went away in the middle of a body has sent nothing wrong.
        if (error is not BadHttpRequestException { StatusCode: 400 or 431 or 501 or 505 } bad) return;
        string? address = features.Get<IHttpConnectionFeature>()?.RemoteIpAddress?.ToString();
        feed.Post(new MalformedSignal(Caller.Anonymous(address), "", bad.Message));
    }

    public void OnCompleted()
    {
    }

    public void OnError(Exception error)
    {
    }
}
