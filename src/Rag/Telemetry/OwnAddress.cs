using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Hosting;

namespace Rag.Telemetry;

/// <summary>Where this server can be reached from this machine, once it listens.</summary>
internal sealed class OwnAddress(IHostApplicationLifetime? lifetime = null, IServer? server = null)
{
    /// <summary>Waits until the server listens; null where it has no port, as inside a command, or was stopped before.</summary>
    public async Task<Uri?> WaitAsync(CancellationToken stop)
    {
        if (server is null || lifetime is null) return null;
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return stop.IsCancellationRequested ? null : server.Features.Get<IServerAddressesFeature>()?.Addresses.Select(Parse).FirstOrDefault(a => a is not null);
    }

    private static Uri? Parse(string text)
    {
        string named = text.Replace("//*", "//127.0.0.1", StringComparison.Ordinal).Replace("//+", "//127.0.0.1", StringComparison.Ordinal);
        if (!Uri.TryCreate(named, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.Host.StartsWith("unix", StringComparison.Ordinal) || address.Port <= 0) return null;
        return address.Host is "0.0.0.0" or "[::]" ? new UriBuilder(address) { Host = "127.0.0.1" }.Uri : address;
    }
}
