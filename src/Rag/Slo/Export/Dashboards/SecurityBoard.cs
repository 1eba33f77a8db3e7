using static Rag.Slo.Export.Dashboards.Expr;

namespace Rag.Slo.Export.Dashboards;

/// <summary>The runbook's "Security: attack patterns and anomalies".</summary>
internal static class SecurityBoard
{
    private const string Reviews = "Regular reviews", Updates = "Security updates", Steps = "First steps in any incident";
    private const string Unknown = "route=\"(none)\"";
    private const string Reading = "pattern=~\"canary_read|unusual_.+|scraping\"";
    private const string Files = "pattern=~\"hostile_file|too_large\"";

    /// <summary>Statuses with which a request is refused for who sent it, or for its size or number.</summary>
    private static readonly (string Status, string Meaning)[] Refused =
        [("401", "no identity"), ("403", "not allowed"), ("413", "too large"), ("429", "too many")];

    public static Dashboard Make() => new(
        "rag-system-security", "rag-system / Security", "Attack patterns and anomalies: what was refused, to whom, and how often.", Routes: true,
        new("Attack patterns",
            new("Patterns in the time range", "short", Reviews, new Query(SumBy("pattern", Increase("rag_security_events_total")), "{{pattern}}") { Instant = true })
            {
                Kind = PanelKind.Bargauge, Decimals = 0, Thresholds = Limits.None,
            },
            new("Patterns over time", "ops", Reviews, new Query(SumBy("pattern", Rate("rag_security_events_total")), "{{pattern}}")) { Width = 16 },
            new("Patterns by replica", "ops", Reviews, new Query(SumBy("replica", Rate("rag_security_events_total")), "{{replica}}"))
            {
                Description = "All patterns together, by the replica that saw them: an attacker who goes round the balancer shows on one.", Width = 12,
            },
            new("Refused files", "ops", Reviews,
                new Query(SumBy("pattern", Rate("rag_security_events_total", Files)), "{{pattern}}"),
                new Query(Sum(Rate("rag_ingest_documents_total", "outcome=\"failed\"")), "not taken in, for any reason"))
            {
                Description = "Files and bodies past a bound, files made to hurt their reader, and all files that were not taken in.", Width = 12,
            }),
        new("Reading",
            new("Canaries and unusual reading in the time range", "short", Reviews, new Query(SumBy("pattern", Increase("rag_security_events_total", Reading)), "{{pattern}}") { Instant = true })
            {
                Description = "Documents shown that nobody has a reason to read, and callers who read far more, far other, or everything.", Kind = PanelKind.Bargauge, Decimals = 0, Thresholds = Limits.None, Width = 12,
            },
            new("Not looked at", "ops", Reviews, new Query(Sum(Rate("rag_security_signals_dropped_total")), "dropped"))
            {
                Description = "Requests, questions and documents that were not looked at for attacks, because more came than could be.", Width = 12,
            }),
        new("Refused requests",
            new("4xx by status", "reqps", Steps, new Query(SumBy("status", Rate("http_requests_total", ChosenRoutes, Refusals)), "{{status}}"))
            {
                Description = "Requests refused for the caller's own fault.", Width = 12,
            },
            new("4xx by route", "reqps", Steps, new Query(SumBy("route", Rate("http_requests_total", ChosenRoutes, Refusals)), "{{route}}"))
            {
                Description = "Requests refused for the caller's own fault. The route (none) is no address of this product: scanners ask there.", Width = 12,
            },
            new("Refused for who or how much", "percentunit", Steps, [.. Refused.Select(r => new Query(
                Share(Rate("http_requests_total", ChosenRoutes, $"status=\"{r.Status}\""), Rate("http_requests_total", ChosenRoutes)), $"{r.Status} {r.Meaning}"))])
            {
                Description = "Share of requests answered 401, 403, 413 and 429, of all requests.", Width = 12,
            },
            new("Refused, of all", "percentunit", Steps, new Query(Share(Rate("http_requests_total", ChosenRoutes, Refusals), Rate("http_requests_total", ChosenRoutes)), "4xx"))
            {
                Description = "Share of requests answered 4xx, of all requests.", Width = 12,
            }),
        new("Anomalies",
            new("Addresses that do not exist", "percentunit", Steps, new Query(Share(Rate("http_requests_total", Unknown), Rate("http_requests_total", PeopleRoutes)), "no such address"))
            {
                Description = "Share of requests to no address of this product, of all requests.",
            },
            new("Refused, to the hour's mean", "none", Steps,
                new Query($"sum({Rate("http_requests_total", ChosenRoutes, Refusals)}) / (sum(increase({Of("http_requests_total", ChosenRoutes, Refusals)}[1h])) / 3600)", "4xx"))
            {
                Description = "Requests refused now, in times the mean of the last hour: far above 1, something has begun.",
            },
            new("Requests by method", "reqps", Steps, new Query(SumBy("method", Rate("http_requests_total", ChosenRoutes)), "{{method}}")),
            new("5xx by route", "reqps", Updates, new Query(SumBy("route", Rate("http_requests_total", ChosenRoutes, ServerErrors)), "{{route}}"))
            {
                Description = "Requests that ended with a server error: input that breaks the server shows here first.", Width = 24, Height = 6,
            }));
}
