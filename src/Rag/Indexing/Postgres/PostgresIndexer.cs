using System.Collections.Concurrent;
using System.Data.Common;
using System.Diagnostics;
using Dapper;
using Lucene.Net.Analysis;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Inference;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Indexing.Postgres;

/// <summary>
/// Keeps the index that is in the database. Any replica may apply the next changes, one at a time: who holds the row of
/// the position holds the turn. Rows, counts and position change in one transaction, so that a replica that is killed or
/// stopped in the middle leaves nothing half-done, and loses its turn with its transaction. Every replica reads the
/// position and tells its own caches what went.
/// </summary>
internal sealed class PostgresIndexer(
    Database database, ChangeLog changes, Collections collections, IndexLoader loader, CollectionCatalog catalog, Embedder embedder,
    IndexEvents events, Followers followers, RecordState record, TimeProvider time, ILogger<PostgresIndexer> log) : BackgroundService, IIndexer
{
    private const int MaxChanges = 256;
    private const int FillDocuments = 128;

    /// <summary>An advisory lock that nobody else uses; held while the tables are looked at, at start.</summary>
    private const int PrepareLock = 0x52414741;

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    /// <summary>While another replica applies changes, how soon to look how far it is.</summary>
    private static readonly TimeSpan BehindInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>The database may be silent this long before this replica counts as unable to answer.</summary>
    private static readonly TimeSpan ReachLimit = TimeSpan.FromSeconds(5);

    private enum Turn
    {
        Nothing,
        Taken,
        Done,
    }

    private sealed record State(long Position, string? Model, int Dimensions, long Last, bool Filling, bool Repairing);

    private readonly ConcurrentDictionary<string, SearchCollection> _known = new();
    private readonly ConcurrentDictionary<string, Analyzer> _analyzers = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _advanced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _position;
    private long _seen = -1;
    private long _reachedAt;
    private long _target = -1;
    private long _toSay;
    private bool _prepared;
    private bool _dropOrphans = true;

    public long Position => Volatile.Read(ref _position);

    public Task Ready => _ready.Task;

    /// <summary>This engine answers from the database, and so cannot while that is gone.</summary>
    public bool CanAnswer => _ready.Task.IsCompletedSuccessfully && time.GetElapsedTime(Volatile.Read(ref _reachedAt)) < ReachLimit;

    public string? Trouble { get; private set; }

    /// <summary>The collections of the index as they were when the position was last read.</summary>
    public IEnumerable<SearchCollection> Known => _known.Values;

    public SearchCollection? Find(string collectionId) => _known.GetValueOrDefault(collectionId);

    public Analyzer AnalyzerOf(string language) => _analyzers.GetOrAdd(language, Analyzers.For);

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
                await advanced.WaitAsync(limit.Token);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new RagException(ErrorKind.Unavailable, $"The index is at position {Position} and has not reached {seq}.", "Try again shortly; 'rag index status' shows how far it is.");
        }
    }

    /// <summary>Asks for the rebuild and waits for it; whichever replica has the turn does it, a few documents at a time.</summary>
    public async Task RebuildAsync(Collection collection, Action<long, long>? progress, CancellationToken ct)
    {
        await database.WriteAsync(tx => tx.Connection!.ExecuteAsync(
            "UPDATE search_collections SET fill_after = '', repair = TRUE WHERE collection_id = @Id AND (fill_after IS NULL OR repair)", new { collection.Id }, tx), ct);
        changes.Announce();
        while (true)
        {
            await using (var connection = await database.OpenAsync(ct))
            {
                string? after = await connection.ExecuteScalarAsync<string?>(new CommandDefinition("SELECT fill_after FROM search_collections WHERE collection_id = @Id", new { collection.Id }, cancellationToken: ct));
                if (after is null) break;
                if (progress is not null)
                {
                    var (done, of) = await connection.QuerySingleAsync<(long, long)>(new CommandDefinition(
                        "SELECT COUNT(*) FILTER (WHERE id <= @after), COUNT(*) FROM documents WHERE collection_id = @Id", new { after, collection.Id }, cancellationToken: ct));
                    progress(done, of);
                }
            }
            await Task.Delay(BehindInterval, time, ct);
        }
    }

    /// <summary>Fails where the server cannot search, which waiting does not mend; a server that is not there now is waited for.</summary>
    public override async Task StartAsync(CancellationToken ct)
    {
        try
        {
            if (!record.Away) await PrepareAsync(ct);
        }
        catch (RagException e) when (e.Kind == ErrorKind.Unavailable)
        {
            Trouble = e.Message;
        }
        await base.StartAsync(ct);
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        long started = Stopwatch.GetTimestamp();
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!_prepared) await PrepareAsync(stop);
                await FollowAsync(started, stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                Trouble = e.Message;
                if (!record.Failed(e) || !record.Away) log.IndexerFailed(e, Position);
                await Task.Delay(PollInterval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task FollowAsync(long started, CancellationToken stop)
    {
        bool repairTurn = false;
        // From here on whoever takes something away waits for this replica; what was taken away before is seen by the next look.
        _toSay = (await LookAsync(stop)).Position;
        await SayAsync(stop);
        while (!stop.IsCancellationRequested)
        {
            var announced = changes.NextAnnouncement;
            var state = await LookAsync(stop);
            await SayAsync(stop);
            if (_target < 0) _target = state.Last;
            if (!_ready.Task.IsCompleted && !state.Filling && Position >= _target)
            {
                _ready.TrySetResult();
                log.IndexReady(_known.Count, Position, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
            if (state.Model is not null && embedder.ModelId is { } own && own != state.Model)
                throw new RagException(ErrorKind.Unavailable, $"The index in the database was built for the model {state.Model}, and this replica has {own}.", "Give every replica the same model and restart them.");
            bool behind = state.Last > state.Position || state.Filling || state.Repairing;
            // A rebuild goes on between changes, so that neither waits for the other's end.
            repairTurn = state.Repairing && (!repairTurn || state.Last <= state.Position);
            var turn = behind ? await TakeTurnAsync(repairTurn, stop) : Turn.Nothing;
            Trouble = null;
            if (turn == Turn.Done) continue;
            if (_dropOrphans && !behind) await DropOrphansAsync(stop);
            try
            {
                await announced.WaitAsync(turn == Turn.Taken ? BehindInterval : PollInterval, time, stop);
            }
            catch (TimeoutException)
            {
            }
        }
    }

    /// <summary>Reads how far the index is, and tells this replica's catalogue, caches and waiters.</summary>
    private async Task<State> LookAsync(CancellationToken ct)
    {
        State state;
        List<SearchCollection> rows;
        await using (var connection = await database.OpenAsync(ct))
        {
            await using var tx = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, ct);
            state = await connection.QuerySingleAsync<State>(new CommandDefinition("""
                SELECT position AS "Position", model AS "Model", dimensions AS "Dimensions", (SELECT COALESCE(MAX(seq), 0) FROM change_log) AS "Last",
                  EXISTS (SELECT 1 FROM search_collections WHERE fill_after IS NOT NULL AND NOT repair) AS "Filling",
                  EXISTS (SELECT 1 FROM search_collections WHERE fill_after IS NOT NULL AND repair) AS "Repairing"
                FROM search_state WHERE id = 1
                """, cancellationToken: ct));
            Volatile.Write(ref _reachedAt, time.GetTimestamp());
            record.Answered();
            if (state.Position == _seen && !state.Repairing) return state;
            rows = (await connection.QueryAsync<SearchCollection>(new CommandDefinition($"SELECT {PostgresIndexTables.CollectionColumns} FROM search_collections", cancellationToken: ct))).AsList();
        }
        foreach (var row in rows) _known[row.CollectionId] = row;
        if (state.Filling)
        {
            // What is not in the index yet is shown to nobody, and what is in it is up to date.
            _toSay = state.Position;
            return state;
        }
        if (_seen < 0 || state.Position < _seen)
        {
            foreach (var collection in await collections.ListAsync(ct)) catalog.Put(collection);
        }
        else
        {
            while (_seen < state.Position)
            {
                var passed = (await changes.ReadAsync(_seen, MaxChanges, ct)).Where(c => c.Seq <= state.Position).ToList();
                if (passed.Count == 0) break;
                await TellAsync(passed, ct);
                if (passed.Any(c => ChangeKind.TakesAway(c.Kind))) _toSay = state.Position;
                _seen = passed[^1].Seq;
            }
        }
        foreach (string id in _known.Keys.Except(rows.Select(r => r.CollectionId)).ToList())
        {
            _known.TryRemove(id, out _);
            catalog.Remove(id);
        }
        _seen = state.Position;
        Volatile.Write(ref _position, state.Position);
        followers.Note(Followers.Index, state.Position);
        Interlocked.Exchange(ref _advanced, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        return state;
    }

    /// <summary>Tells those who wait until what they took away is shown nowhere.</summary>
    private async Task SayAsync(CancellationToken ct)
    {
        if (_toSay == 0) return;
        await followers.ReachedAsync(Followers.Index, _toSay, ct);
        _toSay = 0;
    }

    private async Task TellAsync(IReadOnlyList<Change> passed, CancellationToken ct)
    {
        foreach (string id in passed.Where(c => c.Kind == ChangeKind.CollectionPut).Select(c => c.CollectionId).Distinct())
            if (await collections.FindByIdAsync(id, ct) is { } collection) catalog.Put(collection);
        foreach (var change in passed)
        {
            if (change.Kind == ChangeKind.DocumentDeleted) events.DocumentRemoved(change.CollectionId, change.DocumentId!);
            if (change.Kind == ChangeKind.CollectionDeleted)
            {
                catalog.Remove(change.CollectionId);
                events.CollectionRemoved(change.CollectionId);
            }
        }
    }

    /// <summary>Takes the turn if it is free, and with it the next changes or the next part of a rebuild.</summary>
    private async Task<Turn> TakeTurnAsync(bool repair, CancellationToken ct) => await database.WriteAsync(async tx =>
    {
        var connection = tx.Connection!;
        await database.AllowLongAsync(tx);
        var held = await connection.QuerySingleOrDefaultAsync<(long Position, string? Model, int Dimensions)?>(
            "SELECT position, model, dimensions FROM search_state WHERE id = 1 FOR UPDATE SKIP LOCKED");
        if (held is not { } state) return Turn.Taken;
        var fill = await connection.QuerySingleOrDefaultAsync<(string CollectionId, string After, bool Repair)?>(
            "SELECT collection_id, fill_after, repair FROM search_collections WHERE fill_after IS NOT NULL AND (@repair OR NOT repair) ORDER BY repair, no LIMIT 1", new { repair });
        if (fill is { } unfilled)
        {
            await FillAsync(connection, await FindAsync(connection, unfilled.CollectionId) ?? throw new InvalidOperationException("The collection went while its row was held."), unfilled.After, unfilled.Repair, state, ct);
            return Turn.Done;
        }
        var batch = await changes.ReadAsync(connection, state.Position, MaxChanges, ct);
        if (batch.Count == 0) return Turn.Nothing;
        foreach (var group in batch.GroupBy(c => c.CollectionId)) await ApplyAsync(connection, group.Key, group.ToList(), state, ct);
        await connection.ExecuteAsync("UPDATE search_state SET position = @Seq WHERE id = 1", new { batch[^1].Seq });
        return Turn.Done;
    }, ct);

    private async Task ApplyAsync(DbConnection connection, string collectionId, IReadOnlyList<Change> batch, (long Position, string? Model, int Dimensions) state, CancellationToken ct)
    {
        long position = batch[^1].Seq;
        var collection = await collections.FindByIdAsync(connection, collectionId, ct);
        var present = await FindAsync(connection, collectionId);
        if (collection is null)
        {
            await connection.ExecuteAsync("DELETE FROM search_collections WHERE collection_id = @collectionId", new { collectionId });
            _dropOrphans = true;
            return;
        }
        if (present?.Language != collection.Language)
        {
            // The words of another language are other words: new tables, filled from the record before the position goes on.
            var made = await MakeAsync(connection, collection, position, fill: true, state.Dimensions);
            _dropOrphans |= present is not null;
            await FillAsync(connection, made, "", false, state, ct);
            return;
        }
        var deletes = new List<string>();
        var puts = new List<IndexDocument>();
        var changed = batch.Where(c => c.DocumentId is not null).Select(c => c.DocumentId!).Distinct();
        await foreach (var loaded in loader.LoadEachAsync(connection, changed, state.Model, deletes.Add, ct)) puts.AddRange(loaded);
        await PostgresIndexTables.PutAsync(connection, present, AnalyzerOf(present.Language), state.Dimensions, puts, deletes, whole: false);
        await connection.ExecuteAsync("UPDATE search_collections SET position = @position WHERE no = @No", new { position, present.No });
    }

    /// <summary>The next documents of a collection that is filled from the record, or its end.</summary>
    private async Task FillAsync(DbConnection connection, SearchCollection collection, string after, bool repair, (long Position, string? Model, int Dimensions) state, CancellationToken ct)
    {
        var ids = (await connection.QueryAsync<string>(
            "SELECT id FROM documents WHERE collection_id = @CollectionId AND id > @after ORDER BY id LIMIT @limit", new { collection.CollectionId, after, limit = FillDocuments })).AsList();
        var documents = new List<IndexDocument>(ids.Count);
        await foreach (var loaded in loader.LoadEachAsync(connection, ids, state.Model, _ => { }, ct)) documents.AddRange(loaded);
        await PostgresIndexTables.PutAsync(connection, collection, AnalyzerOf(collection.Language), state.Dimensions, documents, [], whole: true);
        if (ids.Count == FillDocuments)
        {
            await connection.ExecuteAsync("UPDATE search_collections SET fill_after = @last WHERE no = @No", new { last = ids[^1], collection.No });
            return;
        }
        if (repair)
        {
            await connection.ExecuteAsync(
                $"DELETE FROM {collection.ChunksTable} c WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = c.document_id AND d.collection_id = @CollectionId)", new { collection.CollectionId },
                commandTimeout: Database.LongCommandSeconds);
            await PostgresIndexTables.CountAsync(connection, collection);
        }
        await PostgresIndexTables.CreateIndexesAsync(connection, collection, state.Dimensions);
        await connection.ExecuteAsync("UPDATE search_collections SET fill_after = NULL, repair = FALSE WHERE no = @No", new { collection.No });
    }

    private static Task<SearchCollection?> FindAsync(DbConnection connection, string collectionId) => connection.QuerySingleOrDefaultAsync<SearchCollection?>(
        $"SELECT {PostgresIndexTables.CollectionColumns} FROM search_collections WHERE collection_id = @collectionId", new { collectionId });

    private static async Task<SearchCollection> MakeAsync(DbConnection connection, Collection collection, long position, bool fill, int dimensions)
    {
        await connection.ExecuteAsync("DELETE FROM search_collections WHERE collection_id = @Id", new { collection.Id });
        var made = await connection.QuerySingleAsync<SearchCollection>(
            $"INSERT INTO search_collections (collection_id, language, position, fill_after) VALUES (@Id, @Language, @position, @after) RETURNING {PostgresIndexTables.CollectionColumns}",
            new { collection.Id, collection.Language, position, after = fill ? "" : null });
        await PostgresIndexTables.CreateTablesAsync(connection, made, dimensions);
        return made;
    }

    /// <summary>Makes the tables where they are missing, and empties them where they were built for something else.</summary>
    private async Task PrepareAsync(CancellationToken ct)
    {
        var all = await collections.ListAsync(ct);
        await database.WriteAsync(async tx =>
        {
            var connection = tx.Connection!;
            await connection.ExecuteAsync("SELECT pg_advisory_xact_lock(@lock, hashtext(current_schema()))", new { @lock = PrepareLock });
            await PostgresVectorExtension.RequireAsync(connection);
            await connection.ExecuteAsync(PostgresIndexTables.Create);
            long last = await connection.ExecuteScalarAsync<long>("SELECT COALESCE(MAX(seq), 0) FROM change_log");
            var state = await connection.QuerySingleOrDefaultAsync<(int Format, string? Model, int Dimensions, long Position)?>("SELECT format, model, dimensions, position FROM search_state WHERE id = 1 FOR UPDATE");
            string? reason = state switch
            {
                null => "",
                { } s when s.Format != PostgresIndexTables.Format => $"it was built for format {s.Format}",
                { } s when embedder.ModelId is { } model && model != s.Model => $"it was built for model '{s.Model ?? "none"}'",
                { } s when s.Position > last => "the record was restored to an earlier state",
                _ => null,
            };
            if (reason is null) return;
            if (reason.Length > 0) log.DatabaseIndexRebuilt(reason);
            await connection.ExecuteAsync("DELETE FROM search_collections");
            await connection.ExecuteAsync(
                """
                INSERT INTO search_state (id, format, model, dimensions, position) VALUES (1, @format, @model, @dimensions, @last)
                ON CONFLICT (id) DO UPDATE SET format = @format, model = @model, dimensions = @dimensions, position = @last
                """, new { format = PostgresIndexTables.Format, model = embedder.ModelId, dimensions = embedder.Dimensions, last });
            foreach (var collection in all) await MakeAsync(connection, collection, last, fill: true, embedder.Dimensions);
        }, ct);
        _prepared = true;
    }

    private async Task DropOrphansAsync(CancellationToken ct)
    {
        await database.WriteAsync(async tx =>
        {
            // The turn is held, so that no table that is just being made looks like one that nobody needs.
            if (await tx.Connection!.ExecuteScalarAsync<int?>("SELECT id FROM search_state WHERE id = 1 FOR UPDATE SKIP LOCKED") is null) return;
            foreach (string table in await PostgresIndexTables.OrphansAsync(tx.Connection!)) await tx.Connection!.ExecuteAsync($"DROP TABLE IF EXISTS {table}");
        }, ct);
        _dropOrphans = false;
    }
}
