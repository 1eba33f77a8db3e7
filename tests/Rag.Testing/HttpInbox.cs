using System.Collections.Concurrent;
using System.Net;

namespace Rag.Testing;

/// <param name="Headers">Names in lower case.</param>
public sealed record Received(string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body);

/// <summary>An HTTP server on loopback that keeps what is posted to it and answers as it is told.</summary>
public sealed class HttpInbox : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<Received> _received = new();
    private readonly Task _running;

    private HttpInbox(int port)
    {
        Address = new($"http://127.0.0.1:{port}/");
        _listener.Prefixes.Add(Address.ToString());
        _listener.Start();
        _running = Task.Run(ServeAsync);
    }

    public Uri Address { get; }

    public IReadOnlyCollection<Received> All => _received;

    /// <summary>Status and body of the answer to the n-th request, from 0.</summary>
    public Func<int, (int Status, string Body)> Answer { get; set; } = _ => (200, "ok");

    public TimeSpan Delay { get; set; }

    /// <summary>What GET is answered with; such requests are not kept.</summary>
    public Func<string> Page { get; set; } = () => "";

    public int Port => Address.Port;

    public static HttpInbox Start() => new(ChildServer.FreePort());

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            _listener.Close();
        }
        catch (HttpListenerException)
        {
            // Stopped already; closing looks the port up once more, and another test may have it by now.
        }
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            _ = Task.Run(() => HandleAsync(context));
        }
    }

    private async Task HandleAsync(HttpListenerContext context)
    {
        if (context.Request.HttpMethod == "GET")
        {
            Answered(context, 200, Page());
            return;
        }
        using var body = new MemoryStream();
        await context.Request.InputStream.CopyToAsync(body);
        var headers = context.Request.Headers.AllKeys.OfType<string>().ToDictionary(k => k.ToLowerInvariant(), k => context.Request.Headers[k] ?? "");
        int number;
        lock (_received)
        {
            number = _received.Count;
            _received.Enqueue(new(context.Request.Url!.AbsolutePath, headers, body.ToArray()));
        }
        if (Delay > TimeSpan.Zero) await Task.Delay(Delay);
        var (status, text) = Answer(number);
        Answered(context, status, text);
    }

    private static void Answered(HttpListenerContext context, int status, string text)
    {
        try
        {
            context.Response.StatusCode = status;
            context.Response.Close(System.Text.Encoding.UTF8.GetBytes(text), willBlock: false);
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
        {
            // Whoever asked has gone.
        }
    }
}
