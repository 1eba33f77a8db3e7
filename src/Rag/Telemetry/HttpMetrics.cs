using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Rag.Telemetry;

/// <summary>What this process has served since it started: the counts that the objectives are made of.</summary>
/// <param name="Requests">All but those of <see cref="Routes.Machines"/>.</param>
/// <param name="Failed">Of these, answered with 5xx.</param>
/// <param name="FastQuestions">Questions answered within <see cref="HttpMetrics.FastSeconds"/>.</param>
internal readonly record struct ServedCounts(long Requests, long Failed, long Questions, long FailedQuestions, long FastQuestions);

/// <summary>What a route has taken since the start.</summary>
/// <param name="Seconds">From each request to the end of its response, summed.</param>
internal readonly record struct RouteTime(string Route, long Requests, double Seconds);

/// <summary>The runbook's two HTTP metrics. Routes are templates, so that labels are bounded whatever is asked for.</summary>
internal sealed class HttpMetrics
{
    public const string MeterName = "Rag.Http";

    /// <summary>The response time that is promised, seconds; one of the histogram's bounds.</summary>
    public const double FastSeconds = 0.5;

    /// <summary>Requests with <see cref="ProbeKey"/> in this header are the server's own probe, and counted by that.</summary>
    public const string ProbeHeader = "Rag-Probe";

    private readonly Counter<long> _requests;
    private readonly Histogram<double> _duration;
    private readonly ConcurrentDictionary<(string Method, string Route, int Status), Series> _series = new();
    private long _served, _failed, _questions, _failedQuestions, _fastQuestions;

    private sealed record Series(TagList Tags, bool Counts, bool Question, bool Failed)
    {
        public long Requests, Microseconds;
    }

    public HttpMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _requests = meter.CreateCounter<long>("http_requests", description: "HTTP requests.");
        _duration = meter.CreateHistogram<double>("http_request_duration_seconds", description: "Time from a request to the end of its response.",
            advice: new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, FastSeconds, 1, 2, 4, 8, 16, 32] });
        // A counter that is born with its first error shows no increase: each class exists from the start.
        foreach (int status in new[] { 200, 400, 500, 503 }) _requests.Add(0, Of("POST", "/v1/ask", status).Tags);
    }

    /// <summary>Known to this process only, so that nobody else can ask without being counted.</summary>
    public string ProbeKey { get; } = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    public ServedCounts Served => new(
        Interlocked.Read(ref _served), Interlocked.Read(ref _failed), Interlocked.Read(ref _questions), Interlocked.Read(ref _failedQuestions), Interlocked.Read(ref _fastQuestions));

    /// <summary>Requests and time by method and route, those of monitors among them.</summary>
    public IReadOnlyList<RouteTime> Times => [.. _series.GroupBy(s => $"{s.Key.Method} {s.Key.Route}").Select(g => new RouteTime(
        g.Key, g.Sum(s => Interlocked.Read(ref s.Value.Requests)), g.Sum(s => Interlocked.Read(ref s.Value.Microseconds)) / 1e6))];

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
            if (!IsProbe(context)) Count(context, Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
    }

    private bool IsProbe(HttpContext context) => context.Request.Headers.TryGetValue(ProbeHeader, out var key) && key == ProbeKey;

    private void Count(HttpContext context, double seconds)
    {
        string route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "(none)";
        var series = Of(KnownMethod(context.Request.Method), route, context.Response.StatusCode);
        _requests.Add(1, series.Tags);
        _duration.Record(seconds, series.Tags);
        Interlocked.Increment(ref series.Requests);
        Interlocked.Add(ref series.Microseconds, (long)(seconds * 1e6));
        if (!series.Counts) return;
        Interlocked.Increment(ref _served);
        if (series.Failed) Interlocked.Increment(ref _failed);
        if (!series.Question) return;
        Interlocked.Increment(ref _questions);
        if (series.Failed) Interlocked.Increment(ref _failedQuestions);
        if (seconds <= FastSeconds) Interlocked.Increment(ref _fastQuestions);
    }

    private Series Of(string method, string route, int status) => _series.GetOrAdd((method, route, status), static key => new(
        new TagList
        {
            { "method", key.Method },
            { "route", key.Route },
            { "status", key.Status.ToString(System.Globalization.CultureInfo.InvariantCulture) },
        },
        Counts: !Routes.Machines.Contains(key.Route), Question: Routes.Questions.Contains(key.Route), Failed: key.Status >= 500));

    private static string KnownMethod(string method) => method is "GET" or "POST" or "PUT" or "DELETE" or "HEAD" or "OPTIONS" or "PATCH" ? method : "other";
}
