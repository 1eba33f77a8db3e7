using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Rag.Testing;

/// <summary>
/// A TCP proxy on loopback between a client and a real server, whose faults are switched while it runs: they hold for
/// connections that are open as for new ones. It passes everything on until told otherwise.
/// </summary>
/// <example><code>
/// await using var proxy = FaultProxy.Start(server.Port);   // give the client proxy.Port
/// proxy.Down();                                            // refused, open connections cut
/// proxy.Up();                                              // as before
/// </code></example>
public sealed class FaultProxy : IAsyncDisposable
{
    private const int BlockBytes = 16_384;
    private const int MaxBlocksInFlight = 256;

    private enum Fault { None, Down, Reset, Blackhole, ServerError }

    private readonly IPEndPoint _target;
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _gate = new();
    private readonly HashSet<Connection> _connections = [];
    private Socket? _listener;
    private Fault _fault;
    private TaskCompletionSource _flow = Done();
    private long _latencyTicks, _closeDelayTicks;
    private int _bytesPerSecond, _accepted, _flipEvery, _cutAfter;

    private FaultProxy(int targetPort) => _target = new(IPAddress.Loopback, targetPort);

    /// <summary>Where clients connect, on 127.0.0.1; stays the same through every fault.</summary>
    public int Port { get; private set; }

    /// <summary>Connections taken since the start: whether a client still tries can be told from it.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>How much later everything arrives, in each direction; a round trip takes twice this longer. Zero at the start.</summary>
    public TimeSpan Latency
    {
        get => new(Volatile.Read(ref _latencyTicks));
        set => Volatile.Write(ref _latencyTicks, value.Ticks);
    }

    /// <summary>Bound of each connection's bytes per second, in each direction; 0, as at the start, for none.</summary>
    public int BytesPerSecond
    {
        get => Volatile.Read(ref _bytesPerSecond);
        set => Volatile.Write(ref _bytesPerSecond, value);
    }

    /// <summary>One bit of each so many blocks that pass is another than was sent, the first that pass spared; 0, as at the start, for none.</summary>
    public int FlipEveryBlocks
    {
        get => Volatile.Read(ref _flipEvery);
        set => Volatile.Write(ref _flipEvery, value);
    }

    /// <summary>A connection ends when so many bytes have passed in one direction; 0, as at the start, never.</summary>
    public int CutAfterBytes
    {
        get => Volatile.Read(ref _cutAfter);
        set => Volatile.Write(ref _cutAfter, value);
    }

    /// <summary>How long the one side still looks open after the other closed it. Zero at the start.</summary>
    public TimeSpan CloseDelay
    {
        get => new(Volatile.Read(ref _closeDelayTicks));
        set => Volatile.Write(ref _closeDelayTicks, value.Ticks);
    }

    /// <summary>Listens on a free port and passes on to <paramref name="targetPort"/> of 127.0.0.1.</summary>
    public static FaultProxy Start(int targetPort)
    {
        var proxy = new FaultProxy(targetPort) { Port = ChildServer.FreePort() };
        proxy.Listen();
        return proxy;
    }

    /// <summary>Ends every fault but <see cref="Latency"/>, <see cref="BytesPerSecond"/> and <see cref="CloseDelay"/>.</summary>
    public void Up() => Switch(Fault.None);

    /// <summary>Like a server that is not there: open connections are cut and new ones refused.</summary>
    public void Down() => Switch(Fault.Down);

    /// <summary>Open connections are reset (RST), and new ones as soon as they are made.</summary>
    public void Reset() => Switch(Fault.Reset);

    /// <summary>Like a server that hangs: connections are taken, open ones stay, and nothing comes through either way.</summary>
    public void Blackhole() => Switch(Fault.Blackhole);

    /// <summary>Like an HTTP server in trouble: open connections are cut, and on new ones whatever comes first is answered with 500.</summary>
    public void ServerError() => Switch(Fault.ServerError);

    /// <summary>Resets the connections that are open now, once; new ones pass.</summary>
    public void Cut()
    {
        foreach (var connection in Snapshot()) connection.Abort();
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener?.Dispose();
        Cut();
        _end.Dispose();
    }

    private void Switch(Fault fault)
    {
        lock (_gate)
        {
            if (_fault == fault) return;
            _fault = fault;
            if (fault == Fault.Blackhole) _flow = new(TaskCreationOptions.RunContinuationsAsynchronously);
            else _flow.TrySetResult();
            if (fault == Fault.Down)
            {
                _listener?.Dispose();
                _listener = null;
            }
            else if (_listener is null) Listen();
        }
        if (fault is Fault.Down or Fault.Reset or Fault.ServerError) Cut();
    }

    private void Listen()
    {
        _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        _listener.Listen(512);
        _ = AcceptAsync(_listener);
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptAsync(_end.Token);
                Interlocked.Increment(ref _accepted);
                _ = ServeAsync(client);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // Down, or at the end.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        var connection = new Connection(client);
        lock (_gate) _connections.Add(connection);
        try
        {
            if (_fault is Fault.Reset or Fault.Down)
            {
                connection.Abort();
                return;
            }
            await Volatile.Read(ref _flow).Task.WaitAsync(_end.Token);
            if (_fault == Fault.ServerError)
            {
                await client.ReceiveAsync(new byte[BlockBytes], _end.Token);
                await client.SendAsync("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(), _end.Token);
                // What the client still sends is taken, so that it reads the answer.
                client.Shutdown(SocketShutdown.Send);
                while (await client.ReceiveAsync(new byte[BlockBytes], _end.Token) > 0)
                {
                }
                return;
            }
            await connection.Server.ConnectAsync(_target, _end.Token);
            await Task.WhenAll(PumpAsync(connection, client, connection.Server), PumpAsync(connection, connection.Server, client));
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException or ChannelClosedException)
        {
            connection.Abort();
        }
        finally
        {
            lock (_gate) _connections.Remove(connection);
            connection.Close();
        }
    }

    /// <summary>One direction. Bytes go on when they are due, so that latency does not narrow the stream.</summary>
    private Task PumpAsync(Connection connection, Socket from, Socket to)
    {
        var blocks = Channel.CreateBounded<(byte[] Bytes, long Read)>(MaxBlocksInFlight);
        return Task.WhenAll(OrAbortAsync(() => ReadAsync(from, blocks.Writer)), OrAbortAsync(() => WriteAsync(to, blocks.Reader)));

        // What breaks one part must not leave the others waiting for each other.
        async Task OrAbortAsync(Func<Task> part)
        {
            try
            {
                await part();
            }
            catch
            {
                blocks.Writer.TryComplete();
                connection.Abort();
                throw;
            }
        }
    }

    private async Task ReadAsync(Socket from, ChannelWriter<(byte[] Bytes, long Read)> blocks)
    {
        byte[] buffer = new byte[BlockBytes];
        int read;
        while ((read = await from.ReceiveAsync(buffer, _end.Token)) > 0)
            await blocks.WriteAsync((buffer[..read], Stopwatch.GetTimestamp()), _end.Token);
        blocks.Complete();
    }

    private async Task WriteAsync(Socket to, ChannelReader<(byte[] Bytes, long Read)> blocks)
    {
        int passed = 0, count = 0;
        await foreach (var (bytes, read) in blocks.ReadAllAsync(_end.Token))
        {
            if (FlipEveryBlocks is > 0 and var every && ++count % every == 0) bytes[Random.Shared.Next(bytes.Length)] ^= (byte)(1 << Random.Shared.Next(8));
            if (CutAfterBytes is > 0 and var limit && (passed += bytes.Length) > limit) throw new SocketException((int)SocketError.ConnectionReset);
            var early = Latency - Stopwatch.GetElapsedTime(read);
            if (early > TimeSpan.Zero) await Task.Delay(early, _end.Token);
            await Volatile.Read(ref _flow).Task.WaitAsync(_end.Token);
            if (BytesPerSecond is > 0 and var rate) await Task.Delay(TimeSpan.FromSeconds((double)bytes.Length / rate), _end.Token);
            for (int sent = 0; sent < bytes.Length;) sent += await to.SendAsync(bytes.AsMemory(sent), _end.Token);
        }
        await Volatile.Read(ref _flow).Task.WaitAsync(_end.Token);
        if (CloseDelay > TimeSpan.Zero) await Task.Delay(CloseDelay, _end.Token);
        to.Shutdown(SocketShutdown.Send);
    }

    private List<Connection> Snapshot()
    {
        lock (_gate) return [.. _connections];
    }

    private static TaskCompletionSource Done()
    {
        var done = new TaskCompletionSource();
        done.SetResult();
        return done;
    }

    private sealed class Connection(Socket client)
    {
        public Socket Server { get; } = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        /// <summary>Closes without lingering, which sends RST (RFC 9293, 3.10.5) to both sides.</summary>
        public void Abort()
        {
            foreach (var socket in new[] { client, Server })
            {
                try
                {
                    socket.LingerState = new(enable: true, seconds: 0);
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    // Closed already.
                }
                socket.Dispose();
            }
        }

        public void Close()
        {
            client.Dispose();
            Server.Dispose();
        }
    }
}
