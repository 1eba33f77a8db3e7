using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Rag.Bench.Verify.Console;

/// <summary>
/// Consoles that somebody has open: each listens to <c>/live</c> and behaves as live.js does. When something changes that a part of its
/// page shows, it fetches its page again, after the same waits.
/// </summary>
internal sealed partial class ConsoleCrowd : IAsyncDisposable
{
    // As live.js has them.
    private static readonly TimeSpan Clock = TimeSpan.FromSeconds(30), Spread = TimeSpan.FromSeconds(4), Apart = TimeSpan.FromSeconds(5), Retry = TimeSpan.FromSeconds(2);
    private const string ClockTopic = "clock";

    private readonly CancellationTokenSource _stop;
    private readonly HttpClient _http;
    private readonly List<Task> _consoles = [];
    private int _events, _fetches, _failures, _reconnects;
    private volatile string? _failure;

    private ConsoleCrowd(Uri address, CancellationToken ct)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        _http = new(new SocketsHttpHandler { UseCookies = false, AutomaticDecompression = DecompressionMethods.All, PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5) }) { BaseAddress = address, Timeout = TimeSpan.FromSeconds(30) };
    }

    public (int Events, int Fetches, int Reconnects, int Failures, string? Failure) Counts => (_events, _fetches, _reconnects, _failures, _failure);

    /// <summary>Opens the consoles, and returns when each has its page and has heard the first event.</summary>
    /// <param name="pages">The page of each.</param>
    public static async Task<ConsoleCrowd> OpenAsync(Uri address, IReadOnlyList<string> pages, CancellationToken ct)
    {
        const int AtOnce = 16;
        var crowd = new ConsoleCrowd(address, ct);
        using var gate = new SemaphoreSlim(AtOnce);
        try
        {
            await Task.WhenAll(pages.Select(async (page, i) =>
            {
                await gate.WaitAsync(ct);
                try
                {
                    var heard = new TaskCompletionSource();
                    lock (crowd._consoles) crowd._consoles.Add(Task.Run(() => crowd.RunAsync(page, new Random(i), heard), ct));
                    await heard.Task.WaitAsync(TimeSpan.FromSeconds(30), ct);
                }
                finally
                {
                    gate.Release();
                }
            }));
            return crowd;
        }
        catch
        {
            await crowd.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_consoles).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _http.Dispose();
        _stop.Dispose();
    }

    [GeneratedRegex("data-live=\"([^\"]*)\"")]
    private static partial Regex Parts { get; }

    [GeneratedRegex("data-live-versions=\"([^\"]*)\"")]
    private static partial Regex Versions { get; }

    private async Task RunAsync(string page, Random random, TaskCompletionSource heard)
    {
        var ct = _stop.Token;
        try
        {
            var (html, cookie) = await FetchAsync(page, null, ct);
            var concerned = Parts.Matches(html).SelectMany(m => m.Groups[1].Value.Split(' ')).ToHashSet();
            var console = new OneConsole(this, page, cookie, concerned, random, Read(WebUtility.HtmlDecode(Versions.Match(html).Groups[1].Value)));
            var clock = console.ClockAsync(ct);
            for (bool again = false; !ct.IsCancellationRequested; again = true)
            {
                if (again)
                {
                    Interlocked.Increment(ref _reconnects);
                    await Task.Delay(Retry, ct);
                }
                await ListenAsync(console, heard, ct);
            }
            await clock;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            Fail(e.Message);
            heard.TrySetException(e);
        }
        catch (Exception) when (ct.IsCancellationRequested)
        {
            // It was closed.
        }
    }

    private async Task ListenAsync(OneConsole console, TaskCompletionSource heard, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/live");
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (console.Cookie is not null) request.Headers.Add("Cookie", console.Cookie);
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        response.EnsureSuccessStatusCode();
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(ct));
        while (await reader.ReadLineAsync(ct) is { } line)
        {
            if (!line.StartsWith("data: ", StringComparison.Ordinal)) continue;
            Interlocked.Increment(ref _events);
            console.Hear(Read(line["data: ".Length..]), ct);
            heard.TrySetResult();
        }
    }

    private async Task<(string Html, string? Cookie)> FetchAsync(string page, string? cookie, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, page);
        request.Headers.Accept.ParseAdd("text/html");
        request.Headers.Add("Sec-Fetch-Dest", "empty");
        request.Headers.AcceptEncoding.ParseAdd("gzip, deflate, br");
        if (cookie is not null) request.Headers.Add("Cookie", cookie);
        using var response = await _http.SendAsync(request, ct);
        string html = await response.Content.ReadAsStringAsync(ct);
        if (!response.IsSuccessStatusCode) throw new HttpRequestException($"{page} answered {(int)response.StatusCode}");
        return (html, response.Headers.TryGetValues("Set-Cookie", out var set) ? set.First().Split(';')[0] : cookie);
    }

    private void Fail(string why)
    {
        Interlocked.Increment(ref _failures);
        _failure = why;
    }

    private static Dictionary<string, string> Read(string json)
    {
        using var parsed = JsonDocument.Parse(json);
        return parsed.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.ToString());
    }

    /// <param name="concerned">Topics that some part of its page shows.</param>
    private sealed class OneConsole(ConsoleCrowd crowd, string page, string? cookie, IReadOnlySet<string> concerned, Random random, Dictionary<string, string> versions)
    {
        private readonly HashSet<string> _wanted = [];
        private Dictionary<string, string> _versions = versions;
        private long _last = TimeProvider.System.GetTimestamp();
        private bool _waits;

        public string? Cookie { get; private set; } = cookie;

        public void Hear(Dictionary<string, string> now, CancellationToken ct)
        {
            var changed = now.Where(n => _versions.GetValueOrDefault(n.Key) != n.Value).Select(n => n.Key).ToList();
            _versions = now;
            Want(changed, ct);
        }

        public async Task ClockAsync(CancellationToken ct)
        {
            using var timer = new PeriodicTimer(Clock);
            try
            {
                while (await timer.WaitForNextTickAsync(ct)) Want([ClockTopic], ct);
            }
            catch (OperationCanceledException)
            {
                // It was closed.
            }
        }

        private void Want(IEnumerable<string> topics, CancellationToken ct)
        {
            lock (_wanted)
            {
                _wanted.UnionWith(topics);
                if (_waits || !_wanted.Overlaps(concerned)) return;
                _waits = true;
                var apart = Apart - TimeProvider.System.GetElapsedTime(_last);
                _ = RefreshAsync((apart > TimeSpan.Zero ? apart : TimeSpan.Zero) + random.NextDouble() * Spread, ct);
            }
        }

        private async Task RefreshAsync(TimeSpan wait, CancellationToken ct)
        {
            List<string> topics;
            try
            {
                await Task.Delay(wait, ct);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            lock (_wanted)
            {
                topics = [.. _wanted];
                _wanted.Clear();
                (_waits, _last) = (false, TimeProvider.System.GetTimestamp());
            }
            try
            {
                (_, Cookie) = await crowd.FetchAsync(page, Cookie, ct);
                Interlocked.Increment(ref crowd._fetches);
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException or IOException)
            {
                if (ct.IsCancellationRequested) return;
                crowd.Fail(e.Message);
                Want(topics, ct);
            }
        }
    }
}
