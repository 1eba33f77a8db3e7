using System.Collections.Concurrent;
using System.Data.Common;
using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Access;

/// <summary>
/// Refusals for the audit record: the same one of the same caller within some seconds is one line with a count, and of
/// addresses without a key only so many, so that nobody fills the record by being refused.
/// </summary>
internal sealed class Refusals(Database database, AuditTrail audit, RecordState record, TimeProvider time, ILogger<Refusals> log) : BackgroundService
{
    private const int MaxPending = 2_000;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly record struct Refusal(string Category, string Action, string Resource, string Kind, string Id, string? Address);

    private readonly ConcurrentDictionary<Refusal, (Actor Actor, long Count)> _pending = new();
    private long _others;
    private bool _troubled;

    /// <param name="action">Such as <c>access.refused</c>.</param>
    /// <param name="resource">What was asked for, from a bounded set: a route, a key's id.</param>
    public void Note(string category, string action, string resource, Actor actor)
    {
        var key = new Refusal(category, action, resource, actor.Kind, actor.Id, actor.Address);
        if (_pending.Count >= MaxPending && !_pending.ContainsKey(key)) Interlocked.Increment(ref _others);
        else _pending.AddOrUpdate(key, static (_, a) => (a, 1), static (_, had, _) => (had.Actor, had.Count + 1), actor);
    }

    /// <summary>Writes what was noted.</summary>
    public async Task FlushAsync(CancellationToken ct)
    {
        var taken = new List<KeyValuePair<Refusal, (Actor Actor, long Count)>>();
        foreach (var key in _pending.Keys)
            if (_pending.TryRemove(key, out var noted)) taken.Add(new(key, noted));
        long others = Interlocked.Exchange(ref _others, 0);
        if (taken.Count == 0 && others == 0) return;
        var entries = taken.ConvertAll(t => new AuditEntry(Event(t.Key.Category, t.Key.Action, t.Key.Resource, t.Value.Count), t.Value.Actor));
        if (others > 0) entries.Add(new(Event(AuditCategory.Refusal, "access.refused", "service:http", others), Actor.System));
        try
        {
            await database.WriteAsync(tx => audit.AppendManyAsync(tx, entries), ct);
        }
        catch
        {
            foreach (var (key, noted) in taken) _pending.AddOrUpdate(key, static (_, n) => n, static (_, had, n) => (had.Actor, had.Count + n.Count), noted);
            Interlocked.Add(ref _others, others);
            throw;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (true)
        {
            await Task.Delay(Interval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                if (!record.Away) await FlushAsync(CancellationToken.None);
                _troubled = false;
            }
            catch (Exception e) when (e is RagException or DbException)
            {
                if (!_troubled) log.RefusalsWait(e.Message);
                _troubled = true;
            }
            if (stop.IsCancellationRequested) return;
        }
    }

    private static AuditEvent Event(string category, string action, string resource, long count) =>
        new(category, action, resource, new Dictionary<string, string> { ["count"] = count.ToString(CultureInfo.InvariantCulture) }) { Succeeded = false };
}
