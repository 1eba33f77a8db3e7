namespace Rag.Slo.Export;

/// <summary>Alerts on replicas and on what they depend on.</summary>
internal static class ServiceAlerts
{
    public const string ReplicaDown = "ReplicaDown", DatabaseDown = "DatabaseDown", DatabaseDownRecently = "DatabaseDownRecently", ChangeLogStuck = "ChangeLogStuck", IndexLag = "IndexLag";

    /// <summary>How old a change may be that an index lacks, seconds.</summary>
    public const int MaxIndexLagSeconds = 60;

    /// <summary>What a replica that lost its database needs to say so, and Prometheus to hear it.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(1);

    public static IEnumerable<AlertRule> All() => [.. Replicas(), .. Dependencies(), .. Index(), .. Leadership()];

    private static IEnumerable<AlertRule> Replicas()
    {
        // Many programs count http_requests_total: with the job of another beside it, its absence would never show.
        yield return new("MetricsAbsent", Severity.Page, "2m", $"absent(http_requests_total{{job=\"{Objectives.Job}\"}})",
            "No replica of rag-system is measured",
            "Prometheus has no http_requests_total of any replica: all replicas are down, or none is scraped. No other alert of the service can fire meanwhile.");
        yield return new(ReplicaDown, Severity.Ticket, "2m", $"up{{job=\"{Objectives.Job}\"}} == 0",
            "{{ $labels.replica }} cannot be scraped",
            "Prometheus gets no metrics from {{ $labels.replica }} at {{ $labels.instance }}: it does not run, hangs, or cannot be reached.");
        yield return new("ProbeFailing", Severity.Ticket, "",
            """
            sum without (outcome) (increase(rag_probe_requests_total{outcome="failed"}[5m]))
            > 0.5 * sum without (outcome) (increase(rag_probe_requests_total[5m]))
            """,
            "{{ $labels.replica }} does not answer its own questions",
            "Of the questions that {{ $labels.replica }} asked itself in the last 5 minutes, {{ $value | humanize }} failed, which is more than half.")
        {
            FollowsDatabase = true,
        };
        // Two minutes of rate and five of waiting: a peak of a minute is none of it.
        yield return new("CpuHigh", Severity.Ticket, "5m", "rate(process_cpu_seconds_total[2m]) / rag_cpu_limit_cores > 0.7",
            "{{ $labels.replica }} uses more than 70% of its processor time",
            "{{ $labels.replica }} has used more than 70% of the cores that it may use for 5 minutes, {{ $value | humanizePercentage }} now.");
        yield return new("MemoryHigh", Severity.Ticket, "5m", "process_resident_memory_bytes / rag_memory_limit_bytes > 0.8",
            "{{ $labels.replica }} uses more than 80% of its memory",
            "{{ $labels.replica }} has used more than 80% of the memory that it may use for 5 minutes, {{ $value | humanizePercentage }} now.");
    }

    private static IEnumerable<AlertRule> Dependencies()
    {
        yield return Down(DatabaseDown, Severity.Page, "1m", "database", "the database", "It answers questions from its index where it has one, and refuses writes.");
        yield return Down("RedisDown", Severity.Ticket, "5m", "redis", "Redis", "It answers questions with the cache in its process only.");
        yield return Down("EmbeddingsDown", Severity.Ticket, "5m", "embeddings", "the embedding model", "It finds passages by their words only.");
        yield return Down("LanguageModelDown", Severity.Ticket, "5m", "language_model", "the language model", "It answers with quotations, marked as degraded.");
        // A burn alert goes when its short window is over, which is long after the database is back. So each that pages is silenced
        // just as long as its short window reaches into the time without a database, and no longer.
        foreach (var burn in Objectives.BurnRates.Where(b => b.Severity == Severity.Page))
            yield return new(DatabaseDownRecently, Severity.None, "",
                $"min(min_over_time(rag_dependency_up{{dependency=\"database\"}}[{(CountRules.Length(burn.Short) + Margin).TotalMinutes}m])) == 0",
                $"A replica was without the database within the last {burn.Short}",
                $"This alert goes to nobody: it silences what follows from a database that is or was away, for window {burn.Long}.")
            {
                Labels = [("window", burn.Long)],
            };
    }

    private static AlertRule Down(string name, string severity, string hold, string dependency, string words, string consequence) => new(
        name, severity, hold, $"rag_dependency_up{{dependency=\"{dependency}\"}} == 0",
        $"{{{{ $labels.replica }}}} does not reach {words}",
        $"{{{{ $labels.replica }}}} has not reached {words} for {hold}. {consequence}");

    private static IEnumerable<AlertRule> Index()
    {
        yield return new(IndexLag, Severity.Ticket, "5m", $"rag_index_lag_seconds > {MaxIndexLagSeconds}",
            "{{ $labels.replica }} searches an index that is behind",
            "The oldest change that the index of {{ $labels.replica }} lacks is {{ $value | humanizeDuration }} old.")
        {
            FollowsDatabase = true,
        };
        yield return new(ChangeLogStuck, Severity.Page, "5m",
            """
            rag_change_log_position - rag_index_position > 0
            and changes(rag_index_position[5m]) == 0
            """,
            "The index of {{ $labels.replica }} does not follow the change log",
            "The index of {{ $labels.replica }} is {{ $value }} positions behind the change log and has not moved for 10 minutes: what was written since cannot be found there.")
        {
            FollowsDatabase = true,
        };
        yield return new("ProvenanceDropped", Severity.Ticket, "", "increase(rag_provenance_dropped_total[15m]) > 0",
            "{{ $labels.replica }} gave up the provenance of answers",
            "{{ $labels.replica }} gave up the provenance of about {{ $value | humanize }} answers within 15 minutes, because there was no room to keep it: where they came from cannot be shown any more.");
    }

    private static IEnumerable<AlertRule> Leadership()
    {
        yield return new("NoLeader", Severity.Ticket, "2m", "sum(rag_leader) == 0",
            "No replica runs the scheduled work",
            "No replica has led for 2 minutes: backups, retention and other scheduled work wait.")
        {
            FollowsDatabase = true,
        };
        // One replica may be scraped before it hands over and the next one after.
        yield return new("TwoLeaders", Severity.Ticket, "2m", "sum(rag_leader) > 1",
            "{{ $value }} replicas say that they lead",
            "{{ $value }} replicas have said for 2 minutes that they run the scheduled work. The record refuses what all but one of them write, unless they work on different records.");
    }
}
