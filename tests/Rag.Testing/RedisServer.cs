using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Rag.Testing;

/// <summary>A real redis-server, Sentinel or cluster node on a loopback port, with its files in a folder of its own.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(20);

    private readonly string _folder;
    private readonly IReadOnlyList<string> _arguments;

    private RedisServer(ChildServer process, string folder, int port, IReadOnlyList<string> arguments) => (Process, _folder, Port, _arguments) = (process, folder, port, arguments);

    public static bool Installed => ChildServer.Find("redis-server") is not null;

    public ChildServer Process { get; private set; }

    public int Port { get; }

    public string Endpoint => $"127.0.0.1:{Port}";

    /// <param name="arguments">As redis-server takes them: <c>--requirepass</c>, <c>secret</c>.</param>
    public static async Task<RedisServer> StartAsync(CancellationToken ct, params string[] arguments)
    {
        string folder = Directory.CreateTempSubdirectory("rag-redis-").FullName;
        int port = ChildServer.FreePort();
        string[] all = ["--port", Text(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no", .. arguments];
        var server = new RedisServer(ChildServer.Start(Program(), all), folder, port, all);
        await server.WaitAsync(ct);
        return server;
    }

    /// <summary>A Sentinel that watches a primary under a name, alone, and fails over after half a second.</summary>
    public static async Task<RedisServer> StartSentinelAsync(RedisServer primary, string name, CancellationToken ct)
    {
        string folder = Directory.CreateTempSubdirectory("rag-sentinel-").FullName;
        int port = ChildServer.FreePort();
        string file = Path.Combine(folder, "sentinel.conf");
        await File.WriteAllTextAsync(file, $"""
            port {port}
            bind 127.0.0.1
            dir {folder}
            sentinel monitor {name} 127.0.0.1 {primary.Port} 1
            sentinel down-after-milliseconds {name} 500
            sentinel failover-timeout {name} 5000

            """, ct);
        string[] all = [file, "--sentinel"];
        var server = new RedisServer(ChildServer.Start(Program(), all), folder, port, all);
        await server.WaitAsync(ct);
        return server;
    }

    /// <summary>Three primaries that share the slots.</summary>
    public static async Task<IReadOnlyList<RedisServer>> StartClusterAsync(CancellationToken ct)
    {
        var nodes = new List<RedisServer>();
        // The nodes talk to each other on a port of their own; by default it is 10,000 higher and may be taken.
        for (int i = 0; i < 3; i++) nodes.Add(await StartAsync(ct, "--cluster-enabled", "yes", "--cluster-port", Text(ChildServer.FreePort()), "--cluster-node-timeout", "1000"));
        await ChildServer.RunAsync(ChildServer.Find("redis-cli")!, ["--cluster", "create", .. nodes.Select(n => n.Endpoint), "--cluster-yes"], ct);
        foreach (var node in nodes)
            await node.Process.WaitUntilAsync(async token => (await node.CallAsync(token, "CLUSTER", "INFO")).Contains("cluster_state:ok", StringComparison.Ordinal), StartLimit, ct);
        return nodes;
    }

    /// <summary>One command over a connection of its own; the answer as text, errors with their minus sign.</summary>
    public Task<string> CallAsync(CancellationToken ct, params string[] command) => CallAsync(ct, [.. command.Select(Encoding.UTF8.GetBytes)]);

    public async Task<string> CallAsync(CancellationToken ct, IReadOnlyList<byte[]> command)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port, ct);
        var stream = client.GetStream();
        await stream.WriteAsync(Encode([command]), ct);
        return await ReadReplyAsync(stream, ct);
    }

    /// <summary>Many commands at once; their answers are read and not looked at.</summary>
    public async Task PipelineAsync(IReadOnlyList<IReadOnlyList<byte[]>> commands, CancellationToken ct)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port, ct);
        await using var stream = new BufferedStream(client.GetStream(), 65_536);
        var sending = client.GetStream().WriteAsync(Encode(commands), ct);
        for (int i = 0; i < commands.Count; i++) await ReadReplyAsync(stream, ct);
        await sending;
    }

    /// <summary>Keys that match a pattern.</summary>
    public async Task<IReadOnlyList<string>> KeysAsync(string pattern, CancellationToken ct) =>
        (await CallAsync(ct, "KEYS", pattern)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The same server again on the same port, after it was killed.</summary>
    public async Task RestartAsync(CancellationToken ct)
    {
        await Process.DisposeAsync();
        Process = ChildServer.Start(Program(), _arguments);
        await WaitAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private Task WaitAsync(CancellationToken ct) =>
        Process.WaitUntilAsync(async token => await CallAsync(token, "PING") is "PONG" or ['-', 'N', 'O', 'A', 'U', 'T', 'H', ..], StartLimit, ct);

    private static byte[] Encode(IReadOnlyList<IReadOnlyList<byte[]>> commands)
    {
        using var bytes = new MemoryStream();
        foreach (var command in commands)
        {
            bytes.Write(Encoding.ASCII.GetBytes($"*{command.Count}\r\n"));
            foreach (byte[] part in command)
            {
                bytes.Write(Encoding.ASCII.GetBytes($"${part.Length}\r\n"));
                bytes.Write(part);
                bytes.Write("\r\n"u8);
            }
        }
        return bytes.ToArray();
    }

    private static async Task<string> ReadReplyAsync(Stream stream, CancellationToken ct)
    {
        string line = await ReadLineAsync(stream, ct);
        switch (line[0])
        {
            case '$' when int.Parse(line[1..], CultureInfo.InvariantCulture) is var length and >= 0:
                byte[] bytes = new byte[length + 2];
                await stream.ReadExactlyAsync(bytes, ct);
                return Encoding.UTF8.GetString(bytes.AsSpan(0, length));
            case '$':
                return "";
            case '*':
                var parts = new List<string>();
                for (int i = int.Parse(line[1..], CultureInfo.InvariantCulture); i > 0; i--) parts.Add(await ReadReplyAsync(stream, ct));
                return string.Join('\n', parts);
            case '-':
                return line;
            default:
                return line[1..];
        }
    }

    private static async Task<string> ReadLineAsync(Stream stream, CancellationToken ct)
    {
        var line = new StringBuilder();
        byte[] one = new byte[1];
        while (true)
        {
            await stream.ReadExactlyAsync(one, ct);
            if (one[0] == '\n') return line.ToString();
            if (one[0] != '\r') line.Append((char)one[0]);
        }
    }

    private static string Program() => ChildServer.Find("redis-server") ?? throw new InvalidOperationException("redis-server is not installed.");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
