using Rag.Access;
using Rag.Foundation;

namespace Rag.App.Pages;

/// <summary>
/// <c>GET /live</c>: server-sent events (WHATWG HTML, 9.2) that say which parts of the pages have changed, never what they say: who may read
/// that is decided where it is asked for. The first comes at once.
/// </summary>
internal static class LiveEndpoint
{
    /// <summary>Then the browser comes again, and whether it still may is asked again.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    /// <summary>Proxies end what is silent for a while: that of deploy/local for 15 s, others for a minute.</summary>
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(6);

    private static ReadOnlyMemory<byte> Begin { get; } = "retry: 2000\n\n"u8.ToArray();

    private static ReadOnlyMemory<byte> Heartbeat { get; } = ":\n\n"u8.ToArray();

    public static void MapLive(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/live", ListenAsync).Needs(Role.Reader, Role.Operator, Role.Auditor).ExcludeFromDescription();

    private static async Task ListenAsync(HttpContext context, LiveState live, TimeProvider time)
    {
        if (!live.TrySit()) throw new RagException(ErrorKind.Overloaded, $"{LiveState.MaxListeners:N0} consoles are live on this replica already.", "The page can be read and reloaded all the same.");
        try
        {
            var caller = Caller.Current;
            bool reads = caller.Has(Role.Reader), operates = caller.Has(Role.Operator);
            var response = context.Response;
            response.ContentType = "text/event-stream";
            // nginx would keep events back.
            response.Headers["X-Accel-Buffering"] = "no";
            var body = response.BodyWriter;
            var ct = context.RequestAborted;
            await body.WriteAsync(Begin, ct);
            long started = time.GetTimestamp();
            LiveState.Moment? told = null;
            while (!live.Ended && time.GetElapsedTime(started) < Longest)
            {
                var now = live.Now;
                if (now != told) await body.WriteAsync((told = now).Event(reads, operates), ct);
                else await body.WriteAsync(Heartbeat, ct);
                await now.Changed.Task.WaitAsync(Beat, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        catch (OperationCanceledException)
        {
            // The page was closed.
        }
        finally
        {
            live.Leave();
        }
    }
}
