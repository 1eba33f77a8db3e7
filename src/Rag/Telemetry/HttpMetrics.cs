using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Rag.Telemetry;

/// <summary>The runbook's two HTTP metrics. Routes are templates, so that labels are bounded whatever is asked for.</summary>
internal sealed class HttpMetrics
{
    public const string MeterName = "Rag.Http";

    private readonly Counter<long> _requests;
    private readonly Histogram<double> _duration;
    private readonly ConcurrentDictionary<(string Method, string Route, int Status), TagList> _tags = new();

    public HttpMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _requests = meter.CreateCounter<long>("http_requests", description: "HTTP requests.");
        _duration = meter.CreateHistogram<double>("http_request_duration_seconds", description: "Time from a request to the end of its response.",
            advice: new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32] });
        // A counter that is born with its first error shows no increase: each class exists from the start.
        foreach (int status in new[] { 200, 400, 500, 503 }) _requests.Add(0, Tags("POST", "/v1/ask", status));
    }

    public static void Use(IApplicationBuilder app, HttpMetrics metrics) => app.Use(next => context => metrics.MeasureAsync(context, next));

    private async Task MeasureAsync(HttpContext context, RequestDelegate next)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            await next(context);
        }
        finally
        {
            string route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "(none)";
            var tags = Tags(KnownMethod(context.Request.Method), route, context.Response.StatusCode);
            _requests.Add(1, tags);
            _duration.Record(Stopwatch.GetElapsedTime(started).TotalSeconds, tags);
        }
    }

    private TagList Tags(string method, string route, int status) => _tags.GetOrAdd((method, route, status), static key => new TagList
    {
        { "method", key.Method },
        { "route", key.Route },
        { "status", key.Status.ToString(System.Globalization.CultureInfo.InvariantCulture) },
    });

    private static string KnownMethod(string method) => method is "GET" or "POST" or "PUT" or "DELETE" or "HEAD" or "OPTIONS" or "PATCH" ? method : "other";
}
