using Rag.Testing;

namespace Rag.App.Tests.Cluster;

/// <summary>Production as <c>deploy/local/up</c> makes it, for the tests of one class: three replicas on PostgreSQL and Redis behind haproxy.</summary>
public sealed class Cluster : IAsyncLifetime
{
    public LocalCluster Servers { get; private set; } = null!;

    public HttpClient Balancer { get; private set; } = null!;

    /// <summary>Each replica at its own address.</summary>
    public IReadOnlyList<HttpClient> Replicas { get; private set; } = [];

    public async ValueTask InitializeAsync()
    {
        if (LocalCluster.Missing is { } missing)
        {
            // The tests that want it skip; where nothing may be missing, they fail.
            if (Environment.GetEnvironmentVariable("CI") == "true") throw new InvalidOperationException($"{missing}; './test' installs it.");
            return;
        }
        // Without the model: three of them start at once here, beside other tests.
        Servers = await LocalCluster.StartAsync(3, ["Inference:Provider=none", "Server:DrainMs=700"], proxies: false, TestContext.Current.CancellationToken);
        Balancer = Client(Servers.Balancer);
        Replicas = [.. Servers.Replicas.Select(Client)];
    }

    public async ValueTask DisposeAsync()
    {
        Balancer?.Dispose();
        foreach (var replica in Replicas) replica.Dispose();
        if (Servers is not null) await Servers.DisposeAsync();
    }

    private static HttpClient Client(Uri address) => new() { BaseAddress = address, Timeout = TimeSpan.FromSeconds(60) };
}
