using System.Buffers.Text;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Rag.Evaluation;

namespace Rag.Bench;

/// <summary>
/// A client that costs little itself: keep-alive connections (RFC 9112), each sending the same request again as soon as
/// the answer is in. It reads as much of HTTP as it needs: the status and Content-Length.
/// </summary>
internal static class HttpLoad
{
    public readonly record struct Outcome(double RequestsPerSecond, double P50Ms, double P99Ms);

    public static async Task<Outcome> RunAsync(int port, byte[] request, int connections, TimeSpan duration, CancellationToken ct)
    {
        long started = Stopwatch.GetTimestamp();
        var times = await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => Task.Run(() => ConnectionAsync(port, request, started, duration, ct), ct)));
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var all = times.SelectMany(t => t).ToList();
        return new(all.Count / seconds, RankingScores.Percentile(all, 0.5), RankingScores.Percentile(all, 0.99));
    }

    public static byte[] Post(int port, string path, string json) => Encoding.UTF8.GetBytes(
        $"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(json)}\r\n\r\n{json}");

    private static async Task<List<double>> ConnectionAsync(int port, byte[] request, long started, TimeSpan duration, CancellationToken ct)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port, ct);
        var times = new List<double>();
        byte[] buffer = new byte[1 << 20];
        while (Stopwatch.GetElapsedTime(started) < duration)
        {
            long sent = Stopwatch.GetTimestamp();
            await socket.SendAsync(request, ct);
            int have = 0, need = int.MaxValue;
            while (have < need)
            {
                int read = await socket.ReceiveAsync(buffer.AsMemory(have), ct);
                if (read == 0) throw new InvalidOperationException("The server closed the connection.");
                have += read;
                if (need == int.MaxValue) need = ResponseBytes(buffer.AsSpan(0, have));
            }
            times.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
        }
        return times;
    }

    /// <summary>Bytes of the whole response; the greatest number while its head is not in yet.</summary>
    private static int ResponseBytes(ReadOnlySpan<byte> received)
    {
        int head = received.IndexOf("\r\n\r\n"u8);
        if (head < 0) return int.MaxValue;
        if (!received.StartsWith("HTTP/1.1 200"u8)) throw new InvalidOperationException(Encoding.UTF8.GetString(received[..Math.Min(received.Length, 300)]));
        int at = received.IndexOf("Content-Length: "u8);
        if (at < 0 || at > head || !Utf8Parser.TryParse(received[(at + 16)..], out int length, out _))
            throw new InvalidOperationException("The response has no Content-Length: " + Encoding.UTF8.GetString(received[..head]));
        return head + 4 + length;
    }
}
