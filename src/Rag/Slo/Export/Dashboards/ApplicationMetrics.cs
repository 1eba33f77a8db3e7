using Rag.Telemetry;
using static Rag.Slo.Export.Dashboards.Expr;

namespace Rag.Slo.Export.Dashboards;

/// <summary>The runbook's "Application Metrics: RAG-specific metrics".</summary>
internal static class ApplicationMetrics
{
    private const string Cache = "Cache issues", Tuning = "Optimization checklist", Steps = "First steps in any incident", Index = "The index is damaged or behind", Full = "Disk full";

    private const string Poor = "outcome=~\"degraded|failed\"";
    private static readonly string Questions = $"route=~\"{string.Join('|', Routes.Questions)}\"";

    public static Dashboard Make() => new(
        "rag-system-application", "rag-system / Application Metrics", "Questions and documents: answers, cache, retrieval, generation, ingestion, the index.", Routes: false,
        new("Questions",
            new("Questions by outcome", "ops", Steps, new Query(SumBy("outcome", Rate("rag_questions_total")), "{{outcome}}")),
            new("Degraded or failed", "percentunit", Steps, new Query(Share(Rate("rag_questions_total", Poor), Rate("rag_questions_total")), "degraded or failed"))
            {
                Description = "Questions answered with less than there is, or not at all, of all questions.",
            },
            new("Questions by answerer", "ops", Steps, new Query(SumBy("answerer, cached", Rate("rag_questions_total")), "{{answerer}}, cached {{cached}}")),
            new("Response time of questions", "s", Tuning, Quantiles("http_request_duration_seconds", Questions))
            {
                Description = "Time from a question to the end of its response, cached or not. The line is the objective of p95.",
                Thresholds = Limits.Below(HttpMetrics.FastSeconds),
            },
            new("Generation", "s", Tuning, Quantiles("rag_generation_duration_seconds")),
            new("Time to first token", "s", Tuning, Quantiles("rag_time_to_first_token_seconds")),
            new("Sentences withheld", "ops", Tuning, new Query(SumBy("replica", Rate("rag_generation_withheld_total")), "{{replica}}")) { Width = 24, Height = 6 }),
        new("Cache",
            new("Hit rate", "percentunit", Cache, new Query(SystemOverview.Attainment(Objectives.Cache, "30m"), "hit rate, 30m"))
            {
                Description = $"{Objectives.Cache.Description}, over half an hour and on all replicas. The line is the objective.",
                Max = 1, Thresholds = Limits.AtLeast(Objectives.Cache.Target),
            },
            new("Hits by layer", "percentunit", Cache, new Query($"{SumBy("layer", Rate("cache_hits_total"))} / {SumBy("layer", Rate("cache_requests_total"))}", "{{layer}}"))
            {
                Description = "Look-ups that a layer of the cache answered, of all look-ups in it.", Max = 1,
            },
            new("Look-ups by layer", "ops", Cache, new Query(SumBy("layer", Rate("cache_requests_total")), "{{layer}}")),
            new("Damaged values", "ops", Cache, new Query(SumBy("replica", Rate("rag_cache_corrupt_total")), "{{replica}}")) { Width = 24, Height = 6 }),
        new("Retrieval",
            new("p95 by stage", "s", Tuning, new Query(Quantile(0.95, "rag_retrieval_duration_seconds", "stage"), "{{stage}}")) { Width = 12 },
            new("Stages in a second", "ops", Tuning, new Query(SumBy("stage", Rate("rag_retrieval_duration_seconds_count")), "{{stage}}"))
            {
                Description = "How often each retrieval stage ran.", Width = 12,
            }),
        new("Ingestion",
            new("Files by outcome", "ops", Full, new Query(SumBy("outcome", Rate("rag_ingest_documents_total")), "{{outcome}}")),
            new("Files that failed", "percentunit", Full, new Query(Share(Increase("rag_ingest_documents_total", "outcome=\"failed\""), Increase("rag_ingest_documents_total")), "failed") { Instant = true })
            {
                Description = "Files that were not taken in, of all in the time range shown.", Kind = PanelKind.Stat, Decimals = 2, Thresholds = Limits.None,
            },
            new("Ingestion: p95 by stage", "s", "High CPU usage", new Query(Quantile(0.95, "rag_ingest_duration_seconds", "stage"), "{{stage}}"))
            {
                Description = "95th percentile of the time of each ingestion stage.",
            }),
        new("Index",
            new("Positions", "none", Index,
                new Query($"max({Of("rag_change_log_position")})", "change log"), new Query($"max by (replica) ({Of("rag_index_position")})", "index of {{replica}}"))
            {
                Description = "Last position of the change log, and the position that each replica's index reflects: an index below the change log is behind.",
            },
            new("Lag", "s", Index, new Query($"max by (replica) ({Of("rag_index_lag_seconds")})", "{{replica}}")),
            new("Changes", "ops", Index, new Query($"max(deriv({Of("rag_change_log_position")}[$__rate_interval]))", "changes"))
            {
                Description = "Changes written to the change log in a second.",
            },
            new("Documents", "short", Index, new Query($"max({Of("rag_documents")})", "documents")) { Width = 6 },
            new("Chunks", "short", Index, new Query($"max by (replica) ({Of("rag_chunks")})", "{{replica}}")) { Width = 6 },
            new("Provenance that waits", "short", "Database connectivity", new Query(SumBy("replica", Of("rag_provenance_spooled")), "{{replica}}")) { Width = 6 },
            new("Provenance given up", "ops", "Database connectivity", new Query(SumBy("replica", Rate("rag_provenance_dropped_total")), "{{replica}}")) { Width = 6 }));
}
