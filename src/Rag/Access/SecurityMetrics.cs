using System.Diagnostics.Metrics;

namespace Rag.Access;

/// <summary>What a request did that no honest one does, or that an attack does often.</summary>
internal static class SecurityPattern
{
    /// <summary>A host name that is not this server's: DNS rebinding.</summary>
    public const string HostRejected = "host_rejected";

    /// <summary>A write that a page of another origin sent, or a form without its token.</summary>
    public const string OriginRejected = "origin_rejected";

    /// <summary>A file made to hurt its reader: bombs, endless nesting, paths that lead out.</summary>
    public const string HostileFile = "hostile_file";

    /// <summary>A body or file past its bound.</summary>
    public const string TooLarge = "too_large";

    /// <summary>More at a time than the server takes on.</summary>
    public const string Overloaded = "overloaded";

    /// <summary>A key, token or session that does not hold.</summary>
    public const string AuthenticationFailed = "authentication_failed";

    /// <summary>Somebody who is known asked for what they may not do.</summary>
    public const string NotAllowed = "not_allowed";

    /// <summary>More than one caller or address may ask for.</summary>
    public const string RateLimited = "rate_limited";

    public static readonly IReadOnlyList<string> All = [HostRejected, OriginRejected, HostileFile, TooLarge, Overloaded, AuthenticationFailed, NotAllowed, RateLimited];
}

internal sealed class SecurityMetrics
{
    public const string MeterName = "Rag.Access";

    private readonly Counter<long> _events;

    public SecurityMetrics(IMeterFactory meters)
    {
        _events = meters.Create(MeterName).CreateCounter<long>("rag_security_events", description: "Requests and files that an attack would send, by pattern.");
        foreach (string pattern in SecurityPattern.All) Event(pattern, 0);
    }

    /// <param name="pattern">One of <see cref="SecurityPattern.All"/>.</param>
    public void Event(string pattern, int count = 1) => _events.Add(count, new KeyValuePair<string, object?>("pattern", pattern));
}
