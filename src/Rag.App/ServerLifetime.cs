using System.Runtime.InteropServices;
using Rag.Foundation;

namespace Rag.App;

/// <summary>
/// The one thing that signals end a server by. SIGTERM: not ready at once, a pause in which balancers notice while
/// everything is still served, then no new connections, and the requests under way end. Ctrl+C skips the pause, and a
/// second one ends the process at once. In the place of .NET's own lifetime, which stops listening while balancers
/// still send.
/// </summary>
internal sealed partial class ServerLifetime(Draining draining, ServerOptions options, IHostApplicationLifetime application, TimeProvider time, ILogger<ServerLifetime> log)
    : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _signals = [];
    private readonly Lock _once = new();

    public Task WaitForStartAsync(CancellationToken ct)
    {
        foreach (var signal in new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT }) _signals.Add(PosixSignalRegistration.Create(signal, OnSignal));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken ct) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var signal in _signals) signal.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        lock (_once)
        {
            // Whoever presses Ctrl+C while the server stops does not want to wait for it.
            context.Cancel = !(draining.Begun && context.Signal == PosixSignal.SIGINT);
            if (draining.Begun) return;
            draining.Begin();
        }
        int pauseMs = context.Signal == PosixSignal.SIGTERM ? options.DrainMs : 0;
        log.Draining(pauseMs, options.StopTimeoutMs);
        _ = StopAfterAsync(TimeSpan.FromMilliseconds(pauseMs));
    }

    private async Task StopAfterAsync(TimeSpan pause)
    {
        if (pause > TimeSpan.Zero) await Task.Delay(pause, time);
        application.StopApplication();
    }
}

/// <summary>For a server inside a command: the command decides when it ends.</summary>
internal sealed class CommandLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken ct) => Task.CompletedTask;

    public Task StopAsync(CancellationToken ct) => Task.CompletedTask;
}

internal static partial class LifetimeLog
{
    [LoggerMessage(9010, LogLevel.Information, "Stopping: not ready from now on, no new connections in {PauseMs} ms, {StopTimeoutMs} ms for what runs then")]
    public static partial void Draining(this ILogger log, int pauseMs, int stopTimeoutMs);
}

internal static class DrainingMiddleware
{
    /// <summary>While the server drains, every response asks its connection to be closed (RFC 9112, 9.6), so that none is in use when it stops.</summary>
    public static IApplicationBuilder UseDraining(this IApplicationBuilder app)
    {
        var draining = app.ApplicationServices.GetRequiredService<Draining>();
        return app.Use(next => context =>
        {
            if (draining.Begun && HttpProtocol.IsHttp11(context.Request.Protocol)) context.Response.Headers.Connection = "close";
            return next(context);
        });
    }
}
