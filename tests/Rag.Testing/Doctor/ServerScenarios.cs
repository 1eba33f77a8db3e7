namespace Rag.Testing.Doctor;

/// <summary>A server that cannot be asked.</summary>
internal static class ServerScenarios
{
    public static readonly IReadOnlyList<DoctorScenario> All =
    [
        Server("a server that is not there", "server.refused", proxy => proxy.Down(), "http"),
        Server("a server that hangs", "server.timeout", proxy => proxy.Blackhole(), "http"),
        Server("a server that does not speak TLS", "server.tls", _ => { }, "https"),
    ];

    private static DoctorScenario Server(string name, string finding, Action<FaultProxy> provoke, string scheme) => new(name, finding, () => null, false, async ct =>
    {
        await using var server = await RagServe.StartAsync(ct);
        await using var proxy = FaultProxy.Start(server.Port);
        var well = await DoctorRun.RunAsync(ct, "disk", "--server", $"http://127.0.0.1:{proxy.Port}");
        provoke(proxy);
        return (well, await DoctorRun.RunAsync(ct, "disk", "--server", $"{scheme}://127.0.0.1:{proxy.Port}"));
    });
}
