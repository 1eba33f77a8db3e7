using static Rag.Slo.Export.Dashboards.Expr;

namespace Rag.Slo.Export.Dashboards;

/// <summary>The runbook's "Infrastructure": the processes, their runtime, and the servers that they use.</summary>
internal static class Infrastructure
{
    private const string Cpu = "High CPU usage", Memory = "Memory leaks", Scaling = "Scaling guidelines", Database = "Database connectivity", Cache = "Cache issues", Backups = "Backup schedule";
    private const string Gc = "dotnet_gc_";

    public static Dashboard Make() => new(
        "rag-system-infrastructure", "rag-system / Infrastructure", "Processor and memory against their limits, the .NET runtime, PostgreSQL, Redis, the balancer, backups.", Routes: false,
        new("Processor and memory",
            new("Processor, of its limit", "percentunit", Scaling, new Query($"sum by (replica) ({Rate("process_cpu_seconds_total")}) / sum by (replica) ({Of("rag_cpu_limit_cores")})", "{{replica}}"))
            {
                Description = "Processor time used, of the cores that the process may use. Scale up above 70 % for five minutes, down below 30 % for ten.",
                Max = 1, Thresholds = Limits.Below(Checklist.MaxCpu), Width = 12,
            },
            new("Memory, of its limit", "percentunit", Memory, new Query($"sum by (replica) ({Of("process_resident_memory_bytes")}) / sum by (replica) ({Of("rag_memory_limit_bytes")})", "{{replica}}"))
            {
                Description = "Memory of the process in RAM, of the memory that it may use. The line is the limit of the optimization checklist.",
                Max = 1, Thresholds = Limits.Below(Checklist.MaxMemory), Width = 12,
            },
            new("Processor cores", "short", Cpu,
                new Query(SumBy("replica", Rate("process_cpu_seconds_total")), "{{replica}}"), new Query(SumBy("replica", Of("rag_cpu_limit_cores")), "limit of {{replica}}"))
            {
                Description = "Cores in use, and cores that the process may use.",
            },
            new("Memory", "bytes", Memory,
                new Query(SumBy("replica", Of("process_resident_memory_bytes")), "{{replica}}"), new Query(SumBy("replica", Of("rag_memory_limit_bytes")), "limit of {{replica}}"))
            {
                Description = "Memory of the process in RAM, and memory that it may use. Memory-mapped index files count, and can be given back at any time.",
            },
            new("Time since start", "s", Memory, new Query($"time() - max by (replica) ({Of("process_start_time_seconds")})", "{{replica}}"))
            {
                Description = "How long each process has run: a line that falls is a restart.",
            }),
        new("Runtime",
            new("Time in garbage collection", "percentunit", Memory, new Query(SumBy("replica", Rate(Gc + "pause_time_seconds_total")), "{{replica}}"))
            {
                Description = "Share of time in which garbage collection stopped the process.",
            },
            new("Collections", "ops", Memory, new Query(SumBy("gc_heap_generation", Rate(Gc + "collections_total")), "{{gc_heap_generation}}")),
            new("Heap", "bytes", Memory, new Query(SumBy("gc_heap_generation", Of(Gc + "last_collection_heap_size_bytes")), "{{gc_heap_generation}}")),
            new("Allocation", "Bps", Memory, new Query(SumBy("replica", Rate(Gc + "heap_total_allocated_bytes_total")), "{{replica}}"))
            {
                Description = "Bytes allocated on the heap in a second.",
            },
            new("Threads of the pool", "short", Cpu, new Query(SumBy("replica", Of("dotnet_thread_pool_thread_count_total")), "{{replica}}")),
            new("Work that waits for a thread", "short", Cpu, new Query(SumBy("replica", Of("dotnet_thread_pool_queue_length_total")), "{{replica}}")),
            new("Locks waited for", "ops", Cpu, new Query(SumBy("replica", Rate("dotnet_monitor_lock_contentions_total")), "{{replica}}")) { Width = 12 },
            new("Exceptions", "ops", "First steps in any incident", new Query(SumBy("error_type", Rate("dotnet_exceptions_total")), "{{error_type}}")) { Width = 12 }),
        new("PostgreSQL, Redis, models",
            State("Database", "database", Database), State("Redis", "redis", Cache), State("Embeddings", "embeddings", "First steps in any incident"),
            new("Redis reads", "ops", Cache, new Query(SumBy("outcome", Rate("rag_cache_redis_reads_total")), "{{outcome}}")) { Width = 12 },
            new("Redis writes", "ops", Cache, new Query(SumBy("outcome", Rate("rag_cache_redis_writes_total")), "{{outcome}}")) { Width = 12 }),
        new("Balancer (haproxy)",
            new("Responses", "reqps", Scaling, new Query("sum by (proxy, code) (rate(haproxy_backend_http_responses_total[$__rate_interval]))", "{{proxy}} {{code}}")),
            new("Servers in use", "short", Scaling, new Query("max by (proxy) (haproxy_backend_active_servers)", "{{proxy}}")) { Thresholds = Limits.AtLeast(Checklist.MinReplicas) },
            new("Response time at the balancer", "s", Scaling, new Query("max by (proxy) (haproxy_backend_response_time_average_seconds)", "{{proxy}}")),
            new("Sent again", "reqps", Scaling,
                new Query("sum by (proxy) (rate(haproxy_backend_retry_warnings_total[$__rate_interval]))", "{{proxy}}, again"),
                new Query("sum by (proxy) (rate(haproxy_backend_redispatch_warnings_total[$__rate_interval]))", "{{proxy}}, elsewhere"))
            {
                Description = "Requests that the balancer sent a second time, to the same server or to another.",
            },
            new("Requests that wait", "short", Scaling, new Query("max by (proxy) (haproxy_backend_current_queue)", "{{proxy}}")),
            new("Failed health checks", "ops", Scaling, new Query("max by (server) (rate(haproxy_server_check_failures_total[$__rate_interval]))", "{{server}}"))),
        new("Backups", Backup("Last backup", "rag_backup_last_success_timestamp_seconds"), Backup("Last verified backup", "rag_backup_last_verified_timestamp_seconds")));

    private static Panel State(string title, string dependency, string section) =>
        new(title, "none", section, new Query($"min by (replica) ({Of("rag_dependency_up", $"dependency=\"{dependency}\"")})", "{{replica}}"))
        {
            Description = "Whether each replica reaches it.", Kind = PanelKind.StateTimeline, Thresholds = Limits.AtLeast(1), Mappings = Limits.UpOrDown, Height = 6,
        };

    /// <summary>Grafana reckons ages from milliseconds.</summary>
    private static Panel Backup(string title, string metric) => new(title, "dateTimeFromNow", Backups, new Query($"max by (kind) ({Of(metric)}) * 1000", "{{kind}}") { Instant = true })
    {
        Kind = PanelKind.Stat, Width = 12, Height = 5, Thresholds = [new(null, "green")], Mappings = [new(0, "never", "red")],
    };
}
