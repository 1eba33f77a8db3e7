using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Rag.Diagnosis;

/// <summary>How far one gets towards a server, step by step.</summary>
/// <param name="Failed"><c>name</c>, <c>refused</c> or <c>unreachable</c>; null where it was reached.</param>
/// <param name="Why">What the system says of it.</param>
/// <param name="Steps">What each step took, in words.</param>
internal sealed record Reached(string? Failed, string Why, string Steps)
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    /// <summary>Resolves the name and connects; every address is tried.</summary>
    public static async Task<(Reached Reached, Socket? Socket)> TryAsync(string host, int port, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Limit);
        long started = Stopwatch.GetTimestamp();
        IPAddress[] addresses;
        bool named = !IPAddress.TryParse(host, out var literal);
        try
        {
            addresses = literal is not null ? [literal] : await Dns.GetHostAddressesAsync(host, limit.Token).WaitAsync(limit.Token);
        }
        catch (Exception e) when (e is SocketException || Late(e, ct))
        {
            return (new("name", e is SocketException ? e.Message : $"no answer within {Limit.TotalSeconds:F0} s", $"name {host}: {Ms(started)}"), null);
        }
        string steps = named ? $"name {host} is {string.Join(", ", addresses.Take(4).Select(a => a.ToString()))} ({Ms(started)})" : $"address {host}";
        string failed = "unreachable", why = $"no answer within {Limit.TotalSeconds:F0} s";
        foreach (var address in addresses)
        {
            started = Stopwatch.GetTimestamp();
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(address, port), limit.Token);
                return (new(null, "", $"{steps}; TCP to port {port.ToString(CultureInfo.InvariantCulture)} ({Ms(started)})"), socket);
            }
            catch (Exception e) when (e is SocketException || Late(e, ct))
            {
                socket.Dispose();
                if (e is not SocketException s) break;
                (failed, why) = (s.SocketErrorCode == SocketError.ConnectionRefused ? "refused" : "unreachable", s.Message);
            }
        }
        return (new(failed, why, $"{steps}; TCP to port {port.ToString(CultureInfo.InvariantCulture)} failed after {Ms(started)}"), null);
    }

    public static string Ms(long started) => string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(started).TotalMilliseconds:F1} ms");

    private static bool Late(Exception e, CancellationToken ct) => e is OperationCanceledException && !ct.IsCancellationRequested;
}
