using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Access;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Security;

/// <summary>
/// Takes events in, counts them, and writes them behind: what one caller does of one pattern within a minute is one row, so that
/// a flood is a number and not a full disk. While the record is away as many callers and patterns are kept as fit.
/// </summary>
internal sealed class SecurityEventLog(SecurityRecord record, RecordState state, SecurityMetrics metrics, TimeProvider time, ILogger<SecurityEventLog> log) : BackgroundService
{
    private const int MaxOpen = 1_000;
    private static readonly TimeSpan Flush = TimeSpan.FromSeconds(2), Window = TimeSpan.FromMinutes(1);

    private sealed class Open(SecurityEvent first)
    {
        public SecurityEvent Event = first;
        /// <summary>When its minute began; <see cref="Event"/> holds only what is not written yet.</summary>
        public readonly DateTimeOffset Began = first.FirstAt;
    }

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Caller, string Pattern), Open> _open = [];
    private readonly SemaphoreSlim _writing = new(1, 1);

    /// <param name="counted">Whether the metric knows of it already.</param>
    public void Add(string pattern, Actor actor, string place, string text, double score, string trace, bool counted = false)
    {
        if (!counted) metrics.Count(pattern);
        var now = time.GetUtcNow();
        string caller = CallerIdentity.Of(actor);
        lock (_lock)
        {
            if (_open.TryGetValue((caller, pattern), out var open) && now - open.Began < Window)
            {
                open.Event = open.Event with { LastAt = now, Count = open.Event.Count + 1, Score = open.Event.Score + score };
                return;
            }
            // One more than fits is counted by the metric alone; so is what a minute before had not been written yet.
            if (_open.Count >= MaxOpen || open is { Event.Count: > 0 }) return;
            _open[(caller, pattern)] = new(new(Ids.New(time), now, now, pattern, caller, actor.Name, actor.Address, 1, score, place, Security.Excerpt.Of(text), trace));
        }
        log.SecurityEventSeen(pattern, caller, place);
    }

    /// <summary>Writes what is not written yet.</summary>
    public async Task FlushAsync(CancellationToken ct)
    {
        await _writing.WaitAsync(ct);
        try
        {
            List<SecurityEvent> events;
            lock (_lock)
            {
                events = [.. _open.Values.Where(o => o.Event.Count > 0).Select(o => o.Event)];
                foreach (var open in _open.Values) open.Event = open.Event with { Count = 0, Score = 0 };
            }
            try
            {
                await record.AddAsync(events, ct);
            }
            catch
            {
                GiveBack(events);
                throw;
            }
            lock (_lock)
            {
                var now = time.GetUtcNow();
                foreach (var over in _open.Where(o => o.Value.Event.Count == 0 && now - o.Value.Began >= Window).Select(o => o.Key).ToList()) _open.Remove(over);
            }
        }
        finally
        {
            _writing.Release();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(Flush, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!state.Away) await TryFlushAsync();
        }
    }

    private async Task TryFlushAsync()
    {
        try
        {
            await FlushAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is RagException or DbException)
        {
            log.SecurityEventsWait(e.Message);
        }
    }

    private void GiveBack(List<SecurityEvent> events)
    {
        lock (_lock)
            foreach (var e in events)
                if (_open.TryGetValue((e.Caller, e.Pattern), out var open)) open.Event = open.Event with { Count = open.Event.Count + e.Count, Score = open.Event.Score + e.Score };
    }
}
