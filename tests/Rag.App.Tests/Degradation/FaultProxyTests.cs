using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Rag.Testing;

namespace Rag.App.Tests.Degradation;

/// <summary>The tool itself: a fault that does not happen would make every test behind it worthless.</summary>
public sealed class FaultProxyTests : IAsyncDisposable
{
    private readonly TcpListener _echo = new(IPAddress.Loopback, 0);
    private readonly FaultProxy _proxy;

    public FaultProxyTests()
    {
        _echo.Start();
        _ = EchoAsync();
        _proxy = FaultProxy.Start(((IPEndPoint)_echo.LocalEndpoint).Port);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Bytes_pass_both_ways_and_the_end_passes_too()
    {
        using var client = await ConnectAsync();
        byte[] sent = new byte[1_000_000];
        Random.Shared.NextBytes(sent);
        var sending = client.SendAsync(sent, Cancel).AsTask();
        byte[] received = new byte[sent.Length];
        for (int at = 0; at < received.Length;) at += await client.ReceiveAsync(received.AsMemory(at), Cancel);
        await sending;
        received.ShouldBe(sent);
        client.Shutdown(SocketShutdown.Send);
        (await client.ReceiveAsync(received, Cancel)).ShouldBe(0);
    }

    [Fact]
    public async Task Down_cuts_and_refuses_and_up_lets_in_again_at_the_same_port()
    {
        using var before = await ConnectAsync();
        (await RoundTripAsync(before)).ShouldBeLessThan(TimeSpan.FromSeconds(1));
        _proxy.Down();
        await Should.ThrowAsync<SocketException>(() => RoundTripAsync(before));
        (await Should.ThrowAsync<SocketException>(ConnectAsync)).SocketErrorCode.ShouldBe(SocketError.ConnectionRefused);
        _proxy.Up();
        using var after = await ConnectAsync();
        await RoundTripAsync(after);
    }

    [Fact]
    public async Task Reset_and_cut_send_rst()
    {
        using var cut = await ConnectAsync();
        await RoundTripAsync(cut);
        _proxy.Cut();
        (await Should.ThrowAsync<SocketException>(() => RoundTripAsync(cut))).SocketErrorCode.ShouldBeOneOf(SocketError.ConnectionReset, SocketError.Shutdown);
        _proxy.Reset();
        // So quick that already connecting may meet it.
        (await Should.ThrowAsync<SocketException>(async () => await RoundTripAsync(await ConnectAsync()))).SocketErrorCode.ShouldBeOneOf(SocketError.ConnectionReset, SocketError.Shutdown);
    }

    [Fact]
    public async Task A_black_hole_takes_connections_and_answers_when_it_ends()
    {
        using var open = await ConnectAsync();
        await RoundTripAsync(open);
        _proxy.Blackhole();
        using var fresh = await ConnectAsync();
        var (old, young) = (RoundTripAsync(open), RoundTripAsync(fresh));
        await Task.Delay(200, Cancel);
        (old.IsCompleted, young.IsCompleted).ShouldBe((false, false));
        _proxy.Up();
        await Task.WhenAll(old, young).WaitAsync(TimeSpan.FromSeconds(5), Cancel);
    }

    [Fact]
    public async Task Latency_bandwidth_and_a_slow_close_take_their_time()
    {
        using var client = await ConnectAsync();
        _proxy.Latency = TimeSpan.FromMilliseconds(100);
        (await RoundTripAsync(client)).ShouldBeGreaterThan(TimeSpan.FromMilliseconds(180));
        _proxy.Latency = TimeSpan.Zero;
        _proxy.BytesPerSecond = 50_000;
        (await RoundTripAsync(client, bytes: 5_000)).ShouldBeGreaterThan(TimeSpan.FromMilliseconds(180));
        _proxy.BytesPerSecond = 0;
        _proxy.CloseDelay = TimeSpan.FromMilliseconds(100);
        long started = Stopwatch.GetTimestamp();
        client.Shutdown(SocketShutdown.Send);
        (await client.ReceiveAsync(new byte[1], Cancel)).ShouldBe(0);
        Stopwatch.GetElapsedTime(started).ShouldBeGreaterThan(TimeSpan.FromMilliseconds(180));
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _echo.Dispose();
    }

    private async Task<Socket> ConnectAsync()
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(IPAddress.Loopback, _proxy.Port, Cancel);
        return client;
    }

    private static async Task<TimeSpan> RoundTripAsync(Socket client, int bytes = 1)
    {
        long started = Stopwatch.GetTimestamp();
        await client.SendAsync(new byte[bytes], Cancel);
        byte[] buffer = new byte[bytes];
        for (int at = 0; at < bytes;)
        {
            int read = await client.ReceiveAsync(buffer.AsMemory(at), Cancel);
            if (read == 0) throw new SocketException((int)SocketError.ConnectionReset);
            at += read;
        }
        return Stopwatch.GetElapsedTime(started);
    }

    private async Task EchoAsync()
    {
        while (true)
        {
            var socket = await _echo.AcceptSocketAsync();
            _ = Task.Run(async () =>
            {
                using (socket)
                {
                    byte[] buffer = new byte[65_536];
                    int read;
                    while ((read = await socket.ReceiveAsync(buffer)) > 0)
                        for (int sent = 0; sent < read;) sent += await socket.SendAsync(buffer.AsMemory(sent, read - sent));
                    socket.Shutdown(SocketShutdown.Both);
                }
            });
        }
    }
}
