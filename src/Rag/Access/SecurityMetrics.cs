using System.Diagnostics.Metrics;
using Rag.Audit;

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

    public const string SqlInjection = "sql_injection", CrossSiteScripting = "cross_site_scripting", PathTraversal = "path_traversal", RemoteInclusion = "remote_inclusion";

    public const string CommandInjection = "command_injection", TemplateInjection = "template_injection", XmlEntity = "xml_entity", QueryInjection = "query_injection", HeaderInjection = "header_injection";

    /// <summary>A request that breaks the protocol, as those do that are to be read differently by a proxy and by the server.</summary>
    public const string MalformedRequest = "malformed_request";

    /// <summary>Programs that look for weak spots: what they call themselves, what they look for, how often they find nothing.</summary>
    public const string Scanner = "scanner";

    /// <summary>Many keys or passwords that do not hold, from one address.</summary>
    public const string CredentialStuffing = "credential_stuffing";

    /// <summary>So many different questions or documents in a short time that somebody copies the collection.</summary>
    public const string Scraping = "scraping";

    /// <summary>A question that gives orders to a language model.</summary>
    public const string PromptInjection = "prompt_injection";

    /// <summary>A document that gives orders to a language model, and one that holds text its reader does not see.</summary>
    public const string DocumentInjection = "document_injection", HiddenText = "hidden_text";

    /// <summary>Somebody was shown a document that nobody has a reason to read.</summary>
    public const string CanaryRead = "canary_read";

    /// <summary>Somebody reads far more, or far other, than was their way.</summary>
    public const string UnusualVolume = "unusual_volume", UnusualDocuments = "unusual_documents";

    public static readonly IReadOnlyList<string> All =
    [
        HostRejected, OriginRejected, HostileFile, TooLarge, Overloaded, AuthenticationFailed, NotAllowed, RateLimited,
        SqlInjection, CrossSiteScripting, PathTraversal, RemoteInclusion, CommandInjection, TemplateInjection, XmlEntity, QueryInjection, HeaderInjection, MalformedRequest,
        Scanner, CredentialStuffing, Scraping, PromptInjection, DocumentInjection, HiddenText, CanaryRead, UnusualVolume, UnusualDocuments,
    ];
}

internal sealed class SecurityMetrics
{
    public const string MeterName = "Rag.Access";

    private readonly Counter<long> _events;

    private readonly SecurityFeed _feed;

    public SecurityMetrics(IMeterFactory meters, SecurityFeed feed)
    {
        _feed = feed;
        _events = meters.Create(MeterName).CreateCounter<long>("rag_security_events", description: "Requests and files that an attack would send, by pattern.");
        foreach (string pattern in SecurityPattern.All) Count(pattern, 0);
    }

    /// <summary>Counts what was refused, and lets the slice that keeps events know.</summary>
    /// <param name="pattern">One of <see cref="SecurityPattern.All"/>.</param>
    public void Event(string pattern)
    {
        Count(pattern);
        _feed.Post(new RefusedSignal(Actor.Current, SecurityFeed.Trace, pattern));
    }

    public void Count(string pattern, int count = 1) => _events.Add(count, new KeyValuePair<string, object?>("pattern", pattern));
}
