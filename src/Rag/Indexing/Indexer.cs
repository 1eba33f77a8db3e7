using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Indexing;

/// <summary>
/// Follows the change log and keeps the indexes true to the record: in order, idempotently, position last. What it
/// reads is the record's present state, so that a change seen twice, or after a later one, does no harm.
/// </summary>
internal sealed class Indexer(
    Database database, ChangeLog changes, Collections collections, DocumentRecord documents, IndexStore indexes, IndexLoader loader, CollectionCatalog catalog,
    IndexEvents events, Followers followers, RecordState record, TimeProvider time, ILogger<Indexer> log) : BackgroundService, IIndexer
{
    private const int MaxChanges = 512;
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    /// <summary>When nothing came for this long, what is written is made durable and what was deleted is erased.</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(200);

    /// <summary>Erasing rewrites segments; in a large index it must not become all that the indexer does.</summary>
    private const int EraseShare = 20;

    /// <summary>
    /// Under load the index is committed this often. Between commits it lives in memory, and what a crash loses of it
    /// is applied again from the log.
    /// </summary>
    private static readonly TimeSpan CommitInterval = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A few changes are shown to searches at once. More are a bulk load, in which showing takes at most a tenth of
    /// the time: each makes a segment, and small segments cost more in merging than their documents cost in writing. Whoever
    /// waits for a change is not kept waiting.
    /// </summary>
    private const int BulkChanges = 16;
    private const int ShowShare = 10;
    private static readonly TimeSpan MinShowInterval = TimeSpan.FromMilliseconds(250), MaxShowInterval = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _applying = new(1, 1);
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _wanted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _advanced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<CollectionIndex, long> _unshown = [];
    private readonly List<(string Collection, string Document)> _removed = [];
    private int _unshownChanges;
    private long _showNotBefore;
    private int _waiting;
    private long _applied;
    private long _position;
    private bool _opened;
    private bool _takesAway;
    private long _toSay;
    private bool _erase = true;
    private long _eraseNotBefore;
    private long _committedAt;
    private long _committedPosition;

    /// <summary>Change-log position up to which every index on this replica is done.</summary>
    public long Position => Volatile.Read(ref _position);

    /// <summary>Completes when the indexes are open and hold all that the record held at the start.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Whatever else is down: questions need nothing but what is on this disk.</summary>
    public bool CanAnswer => _ready.Task.IsCompletedSuccessfully;

    /// <summary>What keeps the indexer from going on, in words; null while it works.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Waits until the change at <paramref name="seq"/> can be found; throws Unavailable after <paramref name="timeout"/>.</summary>
    public async Task WaitForAsync(long seq, TimeSpan timeout, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(timeout);
        try
        {
            while (true)
            {
                var advanced = Volatile.Read(ref _advanced).Task;
                if (Position >= seq) return;
                Interlocked.Increment(ref _waiting);
                _wanted.TrySetResult();
                try
                {
                    await advanced.WaitAsync(limit.Token);
                }
                finally
                {
                    Interlocked.Decrement(ref _waiting);
                }
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new RagException(ErrorKind.Unavailable, $"The index is at position {Position} and has not reached {seq}.", "Try again shortly; 'rag index status' shows how far it is.");
        }
    }

    /// <summary>Builds a collection's index anew from the record, beside the present one, and puts it in its place.</summary>
    public async Task RebuildAsync(Collection collection, Action<long, long>? progress, CancellationToken ct)
    {
        await _applying.WaitAsync(ct);
        try
        {
            var rebuilt = indexes.BeginRebuild(collection.Id, collection.Language);
            await FillAsync(rebuilt, collection, progress, ct);
            if (indexes.Find(collection.Id) is { } replaced) _unshown.Remove(replaced);
            indexes.Replace(rebuilt);
        }
        finally
        {
            _applying.Release();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!_opened) await OpenAllAsync(stop);
                await FollowAsync(stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                Trouble = e.Message;
                bool away = record.Failed(e);
                if (!away || !record.Away) log.IndexerFailed(e, Position);
                if (away && !_ready.Task.IsCompleted) OpenFromDisk();
                await Task.Delay(PollInterval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task OpenAllAsync(CancellationToken stop)
    {
        long started = Stopwatch.GetTimestamp();
        long position = indexes.ReadPosition();
        if (position > await changes.LastAsync(stop))
        {
            // The record was put back to an earlier state beneath the index: nothing in here can be trusted.
            log.RecordWentBack(position);
            foreach (string id in indexes.OnDisk().ToList())
            {
                indexes.Drop(id);
                // Positions are given anew: what a cache keeps under them is of another history.
                events.CollectionRemoved(id);
            }
            position = 0;
        }
        var all = await collections.ListAsync(stop);
        foreach (string id in indexes.OnDisk().Except(all.Select(c => c.Id)).ToList()) indexes.Drop(id);
        foreach (var collection in all)
        {
            var index = indexes.OpenOrCreate(collection.Id, collection.Language, out bool fresh, out string? reason);
            if (fresh && reason is not null) log.IndexRebuilt(collection.Name, reason);
            if (fresh) await FillAsync(index, collection, null, stop);
            catalog.Put(collection);
        }
        _applied = position;
        Volatile.Write(ref _position, position);
        followers.Note(Followers.Index, position);
        _committedPosition = position;
        await CatchUpAsync(stop);
        // From here on whoever takes something away waits for this replica; what was taken away before is caught up with now.
        await followers.ReachedAsync(Followers.Index, Position, stop);
        await CatchUpAsync(stop);
        await CommitAsync(stop);
        indexes.WriteCatalog(all);
        _opened = true;
        _ready.TrySetResult();
        log.IndexReady(all.Count, Position, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }

    private async Task CatchUpAsync(CancellationToken stop)
    {
        while (await ApplyNextAsync(stop) > 0) { }
        await ShowAsync(stop);
    }

    /// <summary>While the record is away: answers from what was committed last, if all of it can be opened.</summary>
    private void OpenFromDisk()
    {
        var known = indexes.ReadCatalog();
        foreach (var collection in known)
        {
            indexes.OpenOrCreate(collection.Id, collection.Language, out bool fresh, out string? reason);
            if (!fresh) continue;
            // Nothing to fill it from now; half of the collections would be no honest answer.
            indexes.Drop(collection.Id);
            Trouble = $"The index of collection '{collection.Name}' must be built anew ({reason}), and the record is away.";
            return;
        }
        if (known.Count == 0) return;
        foreach (var collection in known) catalog.Put(collection);
        _applied = indexes.ReadPosition();
        Volatile.Write(ref _position, _applied);
        followers.Note(Followers.Index, _applied);
        _committedPosition = _applied;
        _ready.TrySetResult();
        log.OpenedWithoutRecord(known.Count, Position);
    }

    /// <summary>The record is behind the index, so nothing in here can be trusted: all of it is built anew.</summary>
    private async Task StartOverAsync(CancellationToken ct)
    {
        await _applying.WaitAsync(ct);
        try
        {
            log.RecordWentBack(_applied);
            foreach (string id in indexes.OnDisk().ToList()) indexes.Drop(id);
            indexes.WritePosition(0);
            _unshown.Clear();
            _removed.Clear();
            _unshownChanges = 0;
            _takesAway = false;
            _toSay = 0;
            followers.Note(Followers.Index, 0);
            _opened = false;
        }
        finally
        {
            _applying.Release();
        }
    }

    private async Task FollowAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var announced = changes.NextAnnouncement;
            var wanted = Volatile.Read(ref _wanted).Task;
            int applied = await ApplyNextAsync(stop);
            Trouble = null;
            record.Answered();
            // A failover to a standby that lagged, or a restore, while this replica went on running.
            if (applied == 0 && await changes.LastAsync(stop) < _applied)
            {
                await StartOverAsync(stop);
                return;
            }
            var untilShown = UntilShown(caughtUp: applied == 0);
            if (untilShown <= TimeSpan.Zero) await ShowAsync(stop);
            if (_toSay > 0)
            {
                await followers.ReachedAsync(Followers.Index, Position, stop);
                _toSay = 0;
            }
            if (time.GetElapsedTime(_committedAt) >= CommitInterval) await CommitAsync(stop);
            if (applied > 0) continue;
            var idle = _unshownChanges > 0 ? untilShown : _erase || Position != _committedPosition ? Idle : PollInterval;
            if (await Task.WhenAny(announced, wanted, Task.Delay(idle, time, stop)) is { } woke && (woke == announced || woke == wanted))
            {
                if (woke == wanted) Interlocked.Exchange(ref _wanted, new(TaskCreationOptions.RunContinuationsAsynchronously));
                continue;
            }
            if (_unshownChanges > 0) continue;
            await CommitAsync(stop);
            if (_erase && time.GetTimestamp() >= _eraseNotBefore) await EraseAsync(stop);
        }
    }

    /// <summary>How long what is applied may wait to be shown.</summary>
    private TimeSpan UntilShown(bool caughtUp)
    {
        if (_unshownChanges == 0) return TimeSpan.MaxValue;
        // Somebody waits until what was taken away is gone.
        if (_takesAway) return TimeSpan.Zero;
        if (caughtUp && (_unshownChanges < BulkChanges || Volatile.Read(ref _waiting) > 0)) return TimeSpan.Zero;
        return TimeSpan.FromSeconds((double)(_showNotBefore - time.GetTimestamp()) / time.TimestampFrequency);
    }

    public override async Task StopAsync(CancellationToken ct)
    {
        await base.StopAsync(ct);
        await ShowAsync(CancellationToken.None);
        await CommitAsync(CancellationToken.None);
    }

    /// <summary>Lets searches see what was applied, and wakes who waits for it.</summary>
    private async Task ShowAsync(CancellationToken ct)
    {
        await _applying.WaitAsync(ct);
        try
        {
            if (_applied == Position) return;
            long started = time.GetTimestamp();
            foreach (var (index, position) in _unshown) index.Show(Math.Max(position, index.Position));
            _unshown.Clear();
            _unshownChanges = 0;
            foreach (var (collection, document) in _removed) events.DocumentRemoved(collection, document);
            _removed.Clear();
            Volatile.Write(ref _position, _applied);
            followers.Note(Followers.Index, _applied);
            if (_takesAway) _toSay = _applied;
            _takesAway = false;
            Interlocked.Exchange(ref _advanced, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
            long ended = time.GetTimestamp();
            var pause = TimeSpan.FromTicks(Math.Clamp(time.GetElapsedTime(started, ended).Ticks * ShowShare, MinShowInterval.Ticks, MaxShowInterval.Ticks));
            _showNotBefore = ended + (long)(pause.TotalSeconds * time.TimestampFrequency);
        }
        finally
        {
            _applying.Release();
        }
    }

    /// <summary>Makes the indexes durable, then the position that all of them have reached.</summary>
    private async Task CommitAsync(CancellationToken ct)
    {
        await _applying.WaitAsync(ct);
        try
        {
            long position = Position;
            if (position == _committedPosition) return;
            foreach (var index in indexes.Open) index.Commit();
            indexes.WriteCatalog(catalog.All);
            indexes.WritePosition(position);
            _committedPosition = position;
            _committedAt = time.GetTimestamp();
        }
        finally
        {
            _applying.Release();
        }
    }

    /// <summary>Writes the next changes, if any, to the indexes; says how many.</summary>
    private async Task<int> ApplyNextAsync(CancellationToken ct)
    {
        await _applying.WaitAsync(ct);
        try
        {
            var batch = await changes.ReadAsync(_applied, MaxChanges, ct);
            if (batch.Count == 0) return 0;
            foreach (var group in batch.GroupBy(c => c.CollectionId)) await ApplyAsync(group.Key, group.ToList(), ct);
            _applied = batch[^1].Seq;
            _unshownChanges += batch.Count;
            _takesAway |= batch.Any(c => ChangeKind.TakesAway(c.Kind));
            return batch.Count;
        }
        finally
        {
            _applying.Release();
        }
    }

    private async Task ApplyAsync(string collectionId, IReadOnlyList<Change> batch, CancellationToken ct)
    {
        var collection = await collections.FindByIdAsync(collectionId, ct);
        if (collection is null)
        {
            catalog.Remove(collectionId);
            if (indexes.Find(collectionId) is { } dropped) _unshown.Remove(dropped);
            indexes.Drop(collectionId);
            events.CollectionRemoved(collectionId);
            _erase = true;
            return;
        }
        var index = indexes.OpenOrCreate(collection.Id, collection.Language, out bool fresh, out string? reason);
        if (fresh && reason is not null) log.IndexRebuilt(collection.Name, reason);
        if (fresh) await FillAsync(index, collection, null, ct);
        catalog.Put(collection);
        if (fresh) return;
        var gone = new List<string>();
        await using var connection = await database.OpenAsync(ct);
        // What an index was filled with, or committed, already shows what was changed before it.
        var changed = batch.Where(c => c.DocumentId is not null && c.Seq > index.Position).Select(c => c.DocumentId!).Distinct();
        await ForEachAsync(loader.LoadEachAsync(connection, changed, gone.Add, ct), index.Put, ct);
        foreach (string id in gone)
        {
            index.Remove(id);
            _removed.Add((collectionId, id));
            _erase = true;
        }
        _unshown[index] = batch[^1].Seq;
    }

    /// <summary>Analysing text is most of the work, and goes on while the next documents are read.</summary>
    private static Task ForEachAsync(IAsyncEnumerable<IReadOnlyList<IndexDocument>> batches, Action<IndexDocument> write, CancellationToken ct) =>
        Parallel.ForEachAsync(batches.Ahead(1, ct).SelectMany(batch => batch), new ParallelOptions { MaxDegreeOfParallelism = Math.Min(4, Environment.ProcessorCount), CancellationToken = ct }, (document, _) =>
        {
            write(document);
            return ValueTask.CompletedTask;
        });

    private async Task FillAsync(CollectionIndex index, Collection collection, Action<long, long>? progress, CancellationToken ct)
    {
        // The position is read first: what is written meanwhile comes again through the log. It is the collection's own,
        // so that an index that was filled and one that followed the log say the same.
        long position = await changes.LastOfAsync(collection.Id, ct);
        var counts = await documents.CountAsync(collection.Id, ct);
        long done = 0;
        await using var connection = await database.OpenAsync(ct);
        await ForEachAsync(loader.LoadAllAsync(connection, collection.Id, ct), document =>
        {
            index.Fill(document);
            progress?.Invoke(Interlocked.Increment(ref done), counts.Documents);
        }, ct);
        index.Show(position);
    }

    private async Task EraseAsync(CancellationToken ct)
    {
        await _applying.WaitAsync(ct);
        try
        {
            long started = time.GetTimestamp();
            foreach (var index in indexes.Open) index.EraseDeleted();
            await database.ScrubAsync(ct);
            _erase = false;
            long ended = time.GetTimestamp();
            _eraseNotBefore = ended + (ended - started) * EraseShare;
        }
        finally
        {
            _applying.Release();
        }
    }
}
