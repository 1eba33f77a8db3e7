using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Rag.Testing;

namespace Rag.Bench.Verify.Observe;

/// <summary>An alert as Alertmanager posted it (webhook, version 4).</summary>
/// <param name="Receiver">Alertmanager's name for whom it was for.</param>
internal sealed record Posted(string Name, string Receiver, string Severity, bool Firing, DateTimeOffset StartsAt, string Labels);

/// <summary>
/// A webhook that keeps what Alertmanager posts; and a target for Prometheus with metrics of what this release does not have,
/// so that the way from a rule to the webhook is tested for every alert.
/// </summary>
internal sealed class Inbox : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Posted> _posted = new();
    private readonly ConcurrentDictionary<string, double> _series = new();

    private Inbox(WebApplication app, int port) => (_app, Port) = (app, port);

    public int Port { get; }

    public IReadOnlyCollection<Posted> All => _posted;

    public static async Task<Inbox> StartAsync(CancellationToken ct)
    {
        int port = ChildServer.FreePort();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.ListenLocalhost(port));
        builder.Logging.ClearProviders();
        var inbox = new Inbox(builder.Build(), port);
        inbox._app.Run(inbox.HandleAsync);
        await inbox._app.StartAsync(ct);
        return inbox;
    }

    /// <summary>Sets a series of the target, such as <c>name{label="value"}</c>.</summary>
    public void Set(string series, double value) => _series[series] = value;

    public void Clear(string series) => _series.TryRemove(series, out _);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task HandleAsync(HttpContext context)
    {
        if (HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.ContentType = "text/plain; version=0.0.4";
            await context.Response.WriteAsync(string.Concat(_series.Select(s => $"{s.Key} {s.Value.ToString(CultureInfo.InvariantCulture)}\n")));
            return;
        }
        using var body = await JsonDocument.ParseAsync(context.Request.Body);
        string receiver = body.RootElement.GetProperty("receiver").GetString()!;
        foreach (var alert in body.RootElement.GetProperty("alerts").EnumerateArray())
        {
            var labels = alert.GetProperty("labels");
            _posted.Enqueue(new(
                labels.GetProperty("alertname").GetString()!, receiver, labels.GetProperty("severity").GetString()!,
                alert.GetProperty("status").GetString() == "firing", alert.GetProperty("startsAt").GetDateTimeOffset(), labels.GetRawText()));
        }
    }
}
