using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Rag.Evaluation;

namespace Rag.Bench.Verify.Production;

/// <summary>
/// Questions by HTTP from several askers, each with one under way at a time over a connection that stays open. A question
/// has failed where the answer is not 200 with a whole body; nothing is sent again from here.
/// </summary>
internal sealed class QuestionLoad : IAsyncDisposable
{
    private const int MaxFailuresKept = 5;

    /// <param name="At">When it was sent, as <see cref="Stopwatch.GetTimestamp"/> counts.</param>
    /// <param name="Layer">Layer of the cache that the answer came from; null where it was made.</param>
    private readonly record struct Asked(long At, double Ms, bool Failed, string? Layer);

    private readonly Func<long, byte[]> _body;
    private readonly Uri[] _addresses;
    private readonly HttpClient _http;
    private readonly CancellationTokenSource _stop;
    private readonly ConcurrentBag<List<Asked>> _asked = [];
    private readonly ConcurrentQueue<string> _failures = new();
    private readonly ConcurrentDictionary<int, int> _statuses = new();
    private readonly List<Task> _askers;
    private readonly double? _perSecond;
    private readonly long _limit, _started;
    private long _next, _done;

    private QuestionLoad(IReadOnlyList<Uri> addresses, Func<long, byte[]> body, int askers, double? perSecond, long limit, CancellationToken ct)
    {
        (_addresses, _body, _perSecond, _limit) = ([.. addresses.Select(a => new Uri(a, "/v1/ask"))], body, perSecond, limit);
        _http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = askers, PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30) }) { Timeout = TimeSpan.FromSeconds(60) };
        _stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        _started = Stopwatch.GetTimestamp();
        _askers = [.. Enumerable.Range(0, askers).Select(a => Task.Run(() => AskAsync(a)))];
    }

    /// <summary>Questions that have been answered or have failed.</summary>
    public long Done => Interlocked.Read(ref _done);

    /// <param name="addresses">Each asker keeps to one of them, in turn.</param>
    /// <param name="body">Request of the n-th question.</param>
    /// <param name="perSecond">Pace of all askers together; null for as fast as answers come.</param>
    /// <param name="limit">How many are asked at most.</param>
    public static QuestionLoad Start(IReadOnlyList<Uri> addresses, Func<long, byte[]> body, int askers, double? perSecond, CancellationToken ct, long limit = long.MaxValue) =>
        new(addresses, body, askers, perSecond, limit, ct);

    public static byte[] Body(string question, bool noCache = false) =>
        JsonSerializer.SerializeToUtf8Bytes(noCache ? new { question, options = new { no_cache = true } } : (object)new { question });

    /// <summary>Waits until so many questions are done, or all askers have ended.</summary>
    public async Task WaitForAsync(long done, CancellationToken ct)
    {
        while (Done < done && !_askers.All(a => a.IsCompleted)) await Task.Delay(5, ct);
    }

    /// <summary>Asks nothing new, waits for the answers under way.</summary>
    public async Task<LoadResult> StopAsync()
    {
        await _stop.CancelAsync();
        return await EndAsync();
    }

    /// <summary>Waits until the last question of the limit is answered.</summary>
    public async Task<LoadResult> EndAsync()
    {
        await Task.WhenAll(_askers);
        double seconds = Stopwatch.GetElapsedTime(_started).TotalSeconds;
        var all = _asked.SelectMany(a => a).ToList();
        return new(
            all.ConvertAll(a => (a.At, a.Ms)), all.Count(a => a.Failed), all.Count(a => a.Layer == "question"), all.Count(a => a.Layer == "evidence"),
            new SortedDictionary<int, int>(_statuses), [.. _failures], seconds);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_askers);
        _http.Dispose();
        _stop.Dispose();
    }

    private async Task AskAsync(int asker)
    {
        var mine = new List<Asked>();
        _asked.Add(mine);
        while (!_stop.IsCancellationRequested)
        {
            long number = Interlocked.Increment(ref _next) - 1;
            if (number >= _limit) return;
            if (_perSecond is { } rate)
            {
                var due = TimeSpan.FromSeconds(number / rate) - Stopwatch.GetElapsedTime(_started);
                if (due > TimeSpan.Zero) await Task.Delay(due, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (_stop.IsCancellationRequested) return;
            }
            byte[] body = _body(number);
            long at = Stopwatch.GetTimestamp();
            var (problem, layer) = await SendAsync(_addresses[asker % _addresses.Length], body);
            mine.Add(new(at, Stopwatch.GetElapsedTime(at).TotalMilliseconds, problem is not null, layer));
            if (problem is not null && _failures.Count < MaxFailuresKept) _failures.Enqueue(problem);
            Interlocked.Increment(ref _done);
        }
    }

    /// <returns>What went wrong, or null; and the layer that the answer came from.</returns>
    private async Task<(string? Problem, string? Layer)> SendAsync(Uri address, byte[] body)
    {
        try
        {
            using var content = new ByteArrayContent(body);
            content.Headers.ContentType = new("application/json");
            // Not cancelled when the load stops: what is under way must still be answered.
            using var response = await _http.PostAsync(address, content, CancellationToken.None);
            byte[] answer = await response.Content.ReadAsByteArrayAsync(CancellationToken.None);
            _statuses.AddOrUpdate((int)response.StatusCode, 1, (_, n) => n + 1);
            if (response.StatusCode != HttpStatusCode.OK || answer is not [(byte)'{', .., (byte)'}']) return ($"{(int)response.StatusCode} {System.Text.Encoding.UTF8.GetString(answer.AsSpan(0, Math.Min(answer.Length, 200)))}", null);
            // The head of an answer, before any text of a document could look like it, does not hold the layer; its tail does.
            var tail = answer.AsSpan(Math.Max(0, answer.Length - 160));
            return (null, tail.IndexOf("\"cache_layer\":\"question\""u8) >= 0 ? "question" : tail.IndexOf("\"cache_layer\":\"evidence\""u8) >= 0 ? "evidence" : null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            _statuses.AddOrUpdate(0, 1, (_, n) => n + 1);
            return ((e.InnerException ?? e).Message, null);
        }
    }
}

/// <param name="Times">When each question was sent, and the milliseconds until its whole answer was in.</param>
/// <param name="Statuses">How many answers had each status; 0 where none came.</param>
/// <param name="Failures">The first failures, in words.</param>
internal sealed record LoadResult(
    IReadOnlyList<(long At, double Ms)> Times, int Failed, int QuestionHits, int EvidenceHits, IReadOnlyDictionary<int, int> Statuses, IReadOnlyList<string> Failures, double Seconds)
{
    public int Count => Times.Count;

    /// <summary>95th percentile of those sent from one moment to another, milliseconds.</summary>
    public double P95(long from = 0, long to = long.MaxValue)
    {
        var times = Times.Where(t => t.At >= from && t.At < to).Select(t => t.Ms).ToList();
        return times.Count == 0 ? throw new InvalidOperationException("No question was asked in that time.") : RankingScores.Percentile(times, 0.95);
    }

    public int CountOf(long from, long to) => Times.Count(t => t.At >= from && t.At < to);

    /// <summary>The statuses and the first failures, for a note.</summary>
    public string FailureText => $"answers by status: {string.Join(", ", Statuses.Select(s => $"{s.Value} times {s.Key}"))}; {string.Join(" | ", Failures)}";
}
