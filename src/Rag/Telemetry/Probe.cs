using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Access;
using Rag.Foundation;
using Rag.Indexing;

namespace Rag.Telemetry;

/// <summary>
/// Asks this server over its own door, every few seconds, so that availability is known in hours in which nobody asks.
/// It searches by words and bypasses every cache; 5xx and no answer in time are failures, whatever else comes is an answer.
/// </summary>
internal sealed class Probe(HttpMetrics http, TelemetryOptions options, OwnAddress own, OwnKeys keys, IIndexer indexer, Draining draining, IMeterFactory meters, TimeProvider time, ILogger<Probe> log) : BackgroundService
{
    public const string MeterName = "Rag.Probe";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly Counter<long> _requests = meters.Create(MeterName).CreateCounter<long>("rag_probe_requests", description: "Questions that the server asked itself.");
    private long _ok, _failed;

    /// <summary>Probes that were answered, and that were not, since the start.</summary>
    public (long Ok, long Failed) Counts => (Interlocked.Read(ref _ok), Interlocked.Read(ref _failed));

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        Count(ok: true, 0);
        Count(ok: false, 0);
        if (!options.Enabled || options.ProbeIntervalSeconds == 0 || await own.WaitAsync(stop) is not { } address) return;
        // The certificate of the own door names what others call it.
        using var handler = new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.FromMinutes(1), SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } };
        using var client = new HttpClient(handler) { BaseAddress = address, Timeout = Limit };
        client.DefaultRequestHeaders.Authorization = new("Bearer", keys.Issue(OwnKeys.Probe, Timeout.InfiniteTimeSpan));
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.ProbeIntervalSeconds), time);
        try
        {
            // Nobody is sent here until the index is open: starting is not failing, and /readyz says how far it is.
            await indexer.Ready.WaitAsync(stop);
            while (await timer.WaitForNextTickAsync(stop)) await AskAsync(client, stop);
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task AskAsync(HttpClient client, CancellationToken stop)
    {
        string? problem = null;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/search") { Content = JsonContent.Create(new { query = "probe", mode = "lexical", k = 1 }) };
            request.Headers.Add(HttpMetrics.ProbeHeader, http.ProbeKey);
            using var response = await client.SendAsync(request, stop);
            // Its own key not holding is a fault of the server's, too.
            if (response.StatusCode >= HttpStatusCode.InternalServerError || response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden) problem = $"status {(int)response.StatusCode}";
        }
        catch (Exception e) when (!stop.IsCancellationRequested && e is HttpRequestException or OperationCanceledException)
        {
            problem = e.Message;
        }
        // A server that is about to stop refuses on purpose.
        if (draining.Begun) return;
        Count(problem is null, 1);
        if (problem is not null) log.ProbeFailed(problem);
    }

    private void Count(bool ok, int count)
    {
        _requests.Add(count, new KeyValuePair<string, object?>("outcome", ok ? "ok" : "failed"));
        Interlocked.Add(ref ok ? ref _ok : ref _failed, count);
    }
}
