using System.Data.Common;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Audit;

/// <summary>What each actor was shown within about a second.</summary>
internal sealed record AccessWindow(DateTimeOffset At, IReadOnlyList<ActorAccesses> Actors);

internal sealed record ActorAccesses(Actor Actor, IReadOnlyList<CountedAccess> Accesses);

internal sealed record CountedAccess(DataAccess Access, long Count);

/// <summary>
/// Who was shown which documents: noted in memory as it happens, the same thing at the same time counted together, and
/// written behind the answers every second, one record for each actor. What the record cannot take now waits on this
/// replica's disk (<see cref="AccessSpool"/>) and follows with the time at which it happened.
/// </summary>
internal sealed class DataAccessLog(Database database, AuditTrail audit, AuditKeys keys, AuditOptions options, AccessSpool spool, RecordState state, TimeProvider time, ILogger<DataAccessLog> log) : BackgroundService
{
    /// <summary>A window with so many different things in it is written before its second is over.</summary>
    private const int MaxEntries = 10_000;

    /// <summary>What is noted while so many wait to be written is only counted.</summary>
    private const int MaxWaitingEntries = 4 * MaxEntries;

    /// <summary>Things in one record; an actor who was shown more has several.</summary>
    private const int MaxPerRecord = 200;

    private const int MaxSubscribers = 8, WindowsPerSubscriber = 64, MaxRecordsPerWrite = 64;
    private static readonly TimeSpan FlushEvery = TimeSpan.FromSeconds(1), WriteLimit = TimeSpan.FromSeconds(5);

    /// <summary>An actor by what names it: callers of two requests are two objects.</summary>
    private readonly record struct Key(string Kind, string Id, string? Address, DataAccess Access)
    {
        public bool Equals(Key other) => ReferenceEquals(Access, other.Access) && Id == other.Id && Kind == other.Kind && Address == other.Address;

        public override int GetHashCode() => HashCode.Combine(Id, RuntimeHelpers.GetHashCode(Access));
    }

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _full = new(0, 1);
    private readonly SemaphoreSlim _flushing = new(1, 1);
    private readonly List<Channel<AccessWindow>> _subscribers = [];
    private Dictionary<Key, (Actor Actor, long Count)> _window = [];
    private long _unnoted;

    /// <summary>Whether anything is noted; a measurement of what auditing costs turns it off.</summary>
    internal bool Enabled { get; set; } = true;

    /// <summary>Never waits. The same <paramref name="access"/> object noted again costs a count.</summary>
    public void Note(DataAccess access)
    {
        var actor = Actor.Current;
        if (!Enabled || actor.Kind == Actor.ProbeKind) return;
        var key = new Key(actor.Kind, actor.Id, actor.Address, access);
        bool full;
        lock (_gate)
        {
            ref var noted = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrNullRef(_window, key);
            if (!Unsafe.IsNullRef(ref noted))
            {
                noted.Count++;
                return;
            }
            if (_window.Count >= MaxWaitingEntries)
            {
                _unnoted++;
                return;
            }
            _window[key] = (actor, 1);
            full = _window.Count == MaxEntries;
        }
        if (full && _full.CurrentCount == 0) _full.Release();
    }

    /// <summary>Windows as they are written, for whoever looks for what is unusual in them. One who falls behind misses the oldest.</summary>
    public ChannelReader<AccessWindow> Subscribe()
    {
        var channel = Channel.CreateBounded<AccessWindow>(new BoundedChannelOptions(WindowsPerSubscriber) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        lock (_gate)
        {
            if (_subscribers.Count >= MaxSubscribers) throw new InvalidOperationException("Too many listen to what is read.");
            _subscribers.Add(channel);
        }
        return channel.Reader;
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        await Task.Yield();
        var full = _full.WaitAsync(stop);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await Task.WhenAny(Task.Delay(FlushEvery, time, stop), full);
                stop.ThrowIfCancellationRequested();
                // One waits at a time: one left behind would take the next signal for itself.
                if (full.IsCompleted) full = _full.WaitAsync(stop);
                await FlushAsync(stop);
                await ReplayAsync(stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                log.AccessesDelayed(e.Message);
            }
        }
    }

    public override async Task StopAsync(CancellationToken ct)
    {
        await base.StopAsync(ct);
        await FlushAsync(ct);
    }

    /// <summary>Writes what was noted until now, or leaves it on disk.</summary>
    public async Task FlushAsync(CancellationToken ct)
    {
        await _flushing.WaitAsync(ct);
        try
        {
            Dictionary<Key, (Actor Actor, long Count)> window;
            long unnoted;
            lock (_gate)
            {
                (window, _window) = (_window, new(Math.Min(_window.Count, MaxEntries)));
                (unnoted, _unnoted) = (_unnoted, 0);
            }
            if (window.Count == 0 && unnoted == 0) return;
            var at = time.GetUtcNow();
            var actors = window.GroupBy(w => (w.Key.Kind, w.Key.Id, w.Key.Address))
                .Select(g => new ActorAccesses(g.First().Value.Actor, [.. g.Select(w => new CountedAccess(w.Key.Access, w.Value.Count))])).ToList();
            lock (_gate) foreach (var subscriber in _subscribers) subscriber.Writer.TryWrite(new(at, actors));
            var waiting = actors.SelectMany(a => Entries(a, at)).ToList();
            if (unnoted > 0)
            {
                log.AccessesUnnoted(unnoted);
                waiting.Add(new(Ids.New(time), at, "system", "system", "rag-system", null, [], unnoted));
            }
            // Behind what waits on disk already.
            if (state.Away || spool.Any || !await TryWriteAsync(waiting)) spool.Append(waiting);
        }
        finally
        {
            _flushing.Release();
        }
    }

    /// <summary>Brings what waits on disk into the record, as soon as that takes it.</summary>
    public async Task ReplayAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested && !state.Away && spool.ReadOldest() is { } oldest)
        {
            if (!await TryWriteAsync(oldest.Lines)) return;
            spool.Remove(oldest.Path, oldest.Lines.Count);
            log.AccessesReplayed(oldest.Lines.Count);
        }
    }

    private IEnumerable<SpooledAccess> Entries(ActorAccesses a, DateTimeOffset at) => a.Accesses.GroupBy(c => c.Access.Privileged).SelectMany(kind => kind.Chunk(MaxPerRecord).Select(some => new SpooledAccess(
        Ids.New(time), at, a.Actor.Kind, a.Actor.Id, a.Actor.Name, a.Actor.Address,
        [.. some.Select(c => new RecordedAccess(
            c.Access.How, c.Access.CollectionId, c.Access.Question is { } q ? keys.QuestionHash(q) : null, options.QuestionText ? c.Access.Question : null, c.Access.Answer, c.Access.Documents, c.Count))], 0) { Privileged = kind.Key }));

    private async Task<bool> TryWriteAsync(IReadOnlyList<SpooledAccess> lines)
    {
        try
        {
            foreach (var some in lines.Chunk(MaxRecordsPerWrite))
                await database.WriteAsync(tx => audit.AppendManyAsync(tx, [.. some.Select(l => l.Entry)]), CancellationToken.None).WaitAsync(WriteLimit, time);
            return true;
        }
        catch (Exception e) when (e is RagException or DbException or TimeoutException)
        {
            if (!state.Away) log.AccessesDelayed(e.Message);
            return false;
        }
    }
}
