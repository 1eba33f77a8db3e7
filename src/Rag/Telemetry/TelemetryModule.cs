using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Rag.Access;
using Rag.Answering;
using Rag.Caching;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Maintenance.Schedules;
using Rag.Retrieval;

namespace Rag.Telemetry;

internal static class TelemetryModule
{
    private static readonly string[] Meters =
        [HttpMetrics.MeterName, StateMetrics.MeterName, ProcessMetrics.MeterName, Probe.MeterName, SecurityMetrics.MeterName, ScheduleMetrics.MeterName, CacheMetrics.MeterName, IngestionMetrics.MeterName, RetrievalMetrics.MeterName, AnsweringMetrics.MeterName];

    public static IServiceCollection AddTelemetry(this IServiceCollection services, ConfigurationSections sections)
    {
        var options = services.AddSection<TelemetryOptions>(sections);
        services.AddSingleton<HttpMetrics>();
        services.AddSingleton<BackupTimes>();
        services.AddSingleton<StateMetrics>();
        services.AddSingleton<ProcessMetrics>();
        services.AddSingleton<Dependencies>();
        services.AddSingleton<OwnAddress>();
        services.AddSingleton<Probe>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<Probe>());
        services.AddSingleton<Replicas>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<Replicas>());
        services.AddSingleton<ChangeLogWatch>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<ChangeLogWatch>());
        if (!options.Enabled) return services;
        services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("rag-system"))
            .WithMetrics(metrics =>
            {
                metrics.AddMeter(Meters).AddRuntimeInstrumentation().AddPrometheusExporter(prometheus =>
                {
                    // The labels are the contract's and no others.
                    prometheus.ScopeInfoEnabled = false;
                    prometheus.ScrapeResponseCacheDurationMilliseconds = 0;
                });
                if (options.OtlpEndpoint.Length == 0) return;
                // Prometheus' exporter has no exemplars; OTLP's are traces that stand for others in their bucket.
                metrics.SetExemplarFilter(ExemplarFilterType.TraceBased).AddOtlpExporter(otlp => otlp.Endpoint = new(options.OtlpEndpoint));
            });
        // Traces cost something on every request, and are made only where somebody takes them.
        if (options.OtlpEndpoint.Length > 0) services.AddTraces(options);
        return services;
    }

    private static void AddTraces(this IServiceCollection services, TelemetryOptions options) => services.AddOpenTelemetry().WithTracing(traces => traces
        .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(options.TraceShare)))
        .AddAspNetCoreInstrumentation(http => http.Filter = context => !Routes.Machines.Contains(context.Request.Path.Value))
        .AddHttpClientInstrumentation()
        // SQL by the driver; model calls by the conventions for generative AI, their content left out.
        .AddSource(Spans.SourceName, "Npgsql", Embedder.SpanSourceName)
        .AddOtlpExporter(otlp => otlp.Endpoint = new(options.OtlpEndpoint)));

    /// <summary>First in the pipeline: what stands before it is not measured.</summary>
    public static IApplicationBuilder UseTelemetry(this IApplicationBuilder app)
    {
        if (!app.ApplicationServices.GetRequiredService<TelemetryOptions>().Enabled) return app;
        // Before the first instrument: what is counted while nobody listens is lost, the zeros at the start among it.
        app.ApplicationServices.GetRequiredService<MeterProvider>();
        HttpMetrics.Use(app, app.ApplicationServices.GetRequiredService<HttpMetrics>());
        // Made for their gauges; nobody else asks for them.
        app.ApplicationServices.GetRequiredService<StateMetrics>();
        app.ApplicationServices.GetRequiredService<ProcessMetrics>();
        app.ApplicationServices.GetRequiredService<IngestionMetrics>();
        app.ApplicationServices.GetRequiredService<SecurityMetrics>();
        app.ApplicationServices.GetRequiredService<AnsweringMetrics>();
        app.ApplicationServices.GetRequiredService<ScheduleMetrics>();
        return app;
    }

    public static IEndpointRouteBuilder MapTelemetry(this IEndpointRouteBuilder routes)
    {
        if (routes.ServiceProvider.GetRequiredService<TelemetryOptions>().Enabled) routes.MapPrometheusScrapingEndpoint("/metrics").Needs(Role.Operator, Role.Auditor);
        foreach (string path in new[] { "/livez", "/health" })
            routes.MapGet(path, () => TypedResults.Text("ok")).ForEverybody().WithTags("Health").WithSummary("The process runs");
        foreach (string path in new[] { "/readyz", "/ready" })
            routes.MapGet(path, (IIndexer indexer, Draining draining) => draining.Begun ? NotYet("This server is about to stop.") : Opened(indexer)).ForEverybody().WithTags("Health").WithSummary("This replica can answer");
        routes.MapGet("/startupz", Opened).ForEverybody().WithTags("Health").WithSummary("This replica has started");
        return routes;
    }

    /// <summary>What answering needs: an index that questions reach, and neither Redis nor a model.</summary>
    private static IResult Opened(IIndexer indexer)
    {
        if (indexer.CanAnswer) return TypedResults.Text("ready");
        string state = indexer.Ready.IsCompletedSuccessfully ? "The index cannot be reached." : "The index is being opened.";
        return NotYet($"{state} {indexer.Trouble}".TrimEnd());
    }

    private static IResult NotYet(string why) => TypedResults.Text(why, statusCode: StatusCodes.Status503ServiceUnavailable);
}
