using System.Data;
using System.Data.Common;
using System.Globalization;
using System.Text;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Audit;

/// <summary>
/// Gives records their places in the tree, and signs it. One process does, the leader: what writes records waits for nobody.
/// Before it goes on where another left off it checks that what is there is what was signed; where it is not, nothing more is
/// signed, so that a changed record never gets a signature.
/// </summary>
internal sealed class AuditTree(
    Database database, AuditKeys keys, AuditOptions options, CheckpointCopies copies, Leader leader, RecordState state, AuditMetrics metrics, TimeProvider time, ILogger<AuditTree> log) : IHostedService
{
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private const int MaxBatch = 500, MaxBatches = 40, MaxCopied = 200;
    private static readonly TimeSpan RetryCopies = TimeSpan.FromSeconds(5), RetryRefused = TimeSpan.FromSeconds(30), StopLimit = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _turn = new(1, 1);
    /// <summary>The tree as this process left it, and the term in which it did.</summary>
    private (long Epoch, GrowingTree Tree)? _mine;
    private CheckpointLine? _newest;
    private DateTimeOffset _signedAt = DateTimeOffset.MinValue, _copiedAt = DateTimeOffset.MinValue, _refusedAt = DateTimeOffset.MinValue;
    private bool _pending;

    /// <summary>Why nothing is signed; null where all is well.</summary>
    public string? Trouble { get; private set; }

    public NoteKey Key { get; } = NoteKey.Of(options.Origin, keys.PublicKey);

    public Task StartAsync(CancellationToken ct) => Task.CompletedTask;

    /// <summary>What a command did is signed before it goes.</summary>
    public async Task StopAsync(CancellationToken ct)
    {
        if (leader.Term is not { } term || state.Away) return;
        try
        {
            await RunAsync(term, sign: true, ct).WaitAsync(StopLimit, time, ct);
        }
        catch (Exception e) when (e is RagException or DbException or TimeoutException or OperationCanceledException)
        {
            // The next who leads does it.
        }
    }

    /// <param name="sign">Signs what is there, whether or not the time for it has come.</param>
    public async Task RunAsync(LeaderTerm term, bool sign, CancellationToken ct)
    {
        await _turn.WaitAsync(ct);
        try
        {
            if (Trouble is not null && !sign && time.GetUtcNow() - _refusedAt < RetryRefused) return;
            // Another may have signed since.
            if (_mine?.Epoch != term.Epoch) _newest = null;
            await SequenceAsync(term, ct);
            Trouble = null;
            await SignAsync(term, sign, ct);
        }
        catch (TreeException e)
        {
            // Said once; the age of the last checkpoint outside goes on saying it.
            if (Trouble != e.Message) log.TreeRefused(e.Message);
            (Trouble, _mine, _refusedAt) = (e.Message, null, time.GetUtcNow());
        }
        catch
        {
            // What became of the transaction is not known; the record says.
            _mine = null;
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task SequenceAsync(LeaderTerm term, CancellationToken ct)
    {
        // Most of the time nothing waits, and nobody needs to be kept from writing to find out.
        if (_mine?.Epoch == term.Epoch && !await AnyWaitsAsync(ct)) return;
        for (int n = 0; n < MaxBatches; n++)
        {
            var (tree, sequenced, more) = await term.WriteAsync(tx => SequenceAsync(tx, term.Epoch), ct);
            _mine = (term.Epoch, tree);
            foreach (var category in sequenced.GroupBy(c => c)) metrics.Sequenced(category.Key, category.Count());
            if (!more) return;
        }
    }

    private async Task<bool> AnyWaitsAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return await connection.ExecuteScalarAsync<long?>(new CommandDefinition("SELECT no FROM audit_records WHERE leaf_index IS NULL LIMIT 1", cancellationToken: ct)) is not null;
    }

    private async Task<(GrowingTree Tree, IReadOnlyList<string> Categories, bool More)> SequenceAsync(DbTransaction tx, long epoch)
    {
        var connection = tx.Connection!;
        var rows = (await connection.QueryAsync<RecordRow>(
            "SELECT no AS No, id AS Id, envelope AS Envelope, mac AS Mac FROM audit_records WHERE leaf_index IS NULL ORDER BY no LIMIT @MaxBatch", new { MaxBatch }, tx)).AsList();
        var row = await connection.QuerySingleOrDefaultAsync<TreeRow>($"SELECT size AS Size, peaks AS Peaks FROM audit_tree WHERE id = 1 {database.Dialect.LockRows}", transaction: tx);
        var (size, peaks) = (row?.Size ?? 0, row?.Peaks ?? []);
        if (_mine is not { } mine || mine.Epoch != epoch) await CheckAsync(tx, size, peaks);
        else if (mine.Tree.Size != size || !mine.Tree.Peaks.AsSpan().SequenceEqual(peaks)) throw new TreeException($"its tree was {mine.Tree.Size} records large when this process left it, and is {size} large or another now");
        var tree = Restore(size, peaks);
        if (rows.Count == 0) return (tree, [], false);

        var nodes = new List<(int Level, long Place, byte[] Hash)>();
        var places = new List<(long No, long Index, byte[]? Hash)>();
        var categories = new List<string>();
        foreach (var r in rows)
        {
            // A row that this service did not write, or wrote under another id, leaves the queue by a number of its own and is never signed.
            if (Envelope.Parse(r.Envelope) is not { } envelope || envelope.Id != r.Id || !keys.MacFits(r.Envelope, r.Mac))
            {
                places.Add((r.No, -r.No, null));
                continue;
            }
            byte[] leaf = Merkle.Leaf(r.Envelope);
            places.Add((r.No, tree.Size, leaf));
            tree.Add(leaf, (level, place, hash) =>
            {
                if (level > 0 && level % TreeReader.Step == 0) nodes.Add((level, place, hash));
            });
            categories.Add(AuditCategory.All.Contains(envelope.Category) ? envelope.Category : AuditCategory.Administrative);
        }
        foreach (var some in places.Chunk(100)) await PlaceAsync(tx, some);
        await connection.ExecuteAsync(
            "INSERT INTO audit_nodes (level, place, hash) VALUES (@Level, @Place, @Hash) ON CONFLICT (level, place) DO UPDATE SET hash = excluded.hash", nodes.Select(n => new { Level = (long)n.Level, n.Place, n.Hash }), tx);
        await connection.ExecuteAsync("INSERT INTO audit_tree (id, size, peaks) VALUES (1, @Size, @Peaks) ON CONFLICT (id) DO UPDATE SET size = @Size, peaks = @Peaks", new { tree.Size, tree.Peaks }, tx);
        // An erasure that came between writing and this has not seen the record.
        await connection.ExecuteAsync(
            "UPDATE audit_records SET resource = NULL WHERE leaf_index >= @size AND resource IS NOT NULL AND subject IN (SELECT id FROM audit_subjects WHERE destroyed_at IS NOT NULL)", new { size }, tx);
        if (size == 0) await connection.ExecuteAsync("INSERT INTO audit_segments (first_leaf, opened_at) VALUES (0, @at) ON CONFLICT (first_leaf) DO NOTHING", new { at = time.Microseconds() }, tx);
        if (places.Count > categories.Count) log.ForgedRecords(places.Count - categories.Count);
        return (tree, categories, rows.Count == MaxBatch);
    }

    private static Task PlaceAsync(DbTransaction tx, IReadOnlyList<(long No, long Index, byte[]? Hash)> places)
    {
        var values = new DynamicParameters();
        var sql = new StringBuilder("UPDATE audit_records SET leaf_index = v.column2, leaf_hash = v.column3 FROM (VALUES ");
        for (int i = 0; i < places.Count; i++)
        {
            sql.Append(i == 0 ? "" : ", ").Append(CultureInfo.InvariantCulture, $"(@n{i}, @i{i}, @h{i})");
            values.Add($"n{i}", places[i].No, DbType.Int64);
            values.Add($"i{i}", places[i].Index, DbType.Int64);
            values.Add($"h{i}", places[i].Hash, DbType.Binary);
        }
        return tx.Connection!.ExecuteAsync(sql.Append(") AS v WHERE audit_records.no = v.column1").ToString(), values, tx);
    }

    /// <summary>Whether the tree that another left, or this process before it was started, is the one that was signed last and what was written since.</summary>
    private async Task CheckAsync(DbTransaction tx, long size, byte[] peaks)
    {
        var connection = tx.Connection!;
        string? stored = await connection.QuerySingleOrDefaultAsync<string>("SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1", transaction: tx);
        Checkpoint? newest = null;
        foreach (string note in new[] { stored, copies.ReadLatest() }.OfType<string>())
        {
            var signed = Checkpoint.Open(note, Key) ?? throw new TreeException("its last checkpoint is not signed with this key under this name (Audit:KeyFile, Audit:Origin)");
            if (signed.Size > size) throw new TreeException($"{signed.Size} records were signed and {size} are there: it was cut or set back. After a restored backup keep the checkpoints in {copies.Directory} elsewhere, as evidence, and let new ones begin");
            if (!(await TreeAsync(connection, tx, signed.Size)).Root.AsSpan().SequenceEqual(signed.Root)) throw new TreeException($"its first {signed.Size} records are not those that were signed");
            if (newest is null || signed.Size > newest.Size) newest = signed;
        }
        var tree = newest is null ? new() : await TreeAsync(connection, tx, newest.Size);
        while (tree.Size < size)
        {
            var rows = (await connection.QueryAsync<RecordRow>(
                "SELECT no AS No, id AS Id, envelope AS Envelope, mac AS Mac FROM audit_records WHERE leaf_index >= @from AND leaf_index < @to ORDER BY leaf_index",
                new { from = tree.Size, to = Math.Min(size, tree.Size + MaxBatch) }, tx)).AsList();
            if (rows.Count != Math.Min(size - tree.Size, MaxBatch)) throw new TreeException("records that were not signed yet are gone");
            foreach (var r in rows)
            {
                if (!keys.MacFits(r.Envelope, r.Mac)) throw new TreeException("a record that was not signed yet was changed");
                tree.Add(Merkle.Leaf(r.Envelope));
            }
        }
        if (!tree.Peaks.AsSpan().SequenceEqual(peaks)) throw new TreeException("the state of its tree is not that of its records");
    }

    private static async Task<GrowingTree> TreeAsync(DbConnection connection, DbTransaction tx, long size)
    {
        try
        {
            return await TreeReader.TreeAsync(connection, tx, size);
        }
        catch (RagException e)
        {
            throw new TreeException(e.Message);
        }
    }

    private static GrowingTree Restore(long size, byte[] peaks)
    {
        try
        {
            return GrowingTree.Restore(size, peaks);
        }
        catch (FormatException e)
        {
            throw new TreeException(e.Message);
        }
    }

    private async Task SignAsync(LeaderTerm term, bool sign, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var tree = _mine!.Value.Tree;
        if (_newest is null) await FindNewestAsync(ct);
        bool grown = tree.Size > (_newest?.Size ?? 0);
        bool due = sign || now - _signedAt >= TimeSpan.FromSeconds(options.CheckpointSeconds);
        if (due && grown)
        {
            string note = new Checkpoint(options.Origin, tree.Size, tree.Root, Clock.FromMicroseconds(Clock.ToMicroseconds(now))).Sign(keys);
            await term.WriteAsync(tx => tx.Connection!.ExecuteAsync("INSERT INTO audit_checkpoints (size, note, signed_at) VALUES (@Size, @note, @at) ON CONFLICT (size) DO UPDATE SET note = @note, signed_at = @at, outside_at = NULL", new { tree.Size, note, at = Clock.ToMicroseconds(now) }, tx), ct);
            (_newest, _pending) = (new(tree.Size, note), true);
        }
        if (due) _signedAt = now;
        if (_newest is null)
        {
            if (tree.Size == 0) metrics.Covered = now;
            return;
        }
        if (!(due || (_pending && now - _copiedAt >= RetryCopies))) return;
        _copiedAt = now;
        if (_pending ? await CopyAsync(term, ct) : copies.Holds(_newest) && (options.Checkpoints.Url.Length == 0 || await copies.CopyAsync([_newest], ct)))
        {
            // What came since the last signature is not under it.
            metrics.Covered = tree.Size > _newest.Size ? _signedAt : now;
        }
        else _pending = true;
    }

    /// <summary>Copies what is not outside yet; true when nothing is left.</summary>
    private async Task<bool> CopyAsync(LeaderTerm term, CancellationToken ct)
    {
        bool troubled = copies.Trouble is not null;
        while (true)
        {
            List<CheckpointLine> waiting;
            await using (var connection = await database.OpenAsync(ct))
                waiting = (await connection.QueryAsync<CheckpointLine>(new CommandDefinition("SELECT size AS Size, note AS Note FROM audit_checkpoints WHERE outside_at IS NULL ORDER BY size LIMIT @MaxCopied", new { MaxCopied }, cancellationToken: ct))).AsList();
            // Only what this key has signed goes out; another's row stays where it is and is found.
            var good = waiting.Where(w => Checkpoint.Open(w.Note, Key) is { } c && c.Size == w.Size).ToList();
            if (good.Count == 0) good.Add(_newest!);
            if (!await copies.CopyAsync(good, ct)) return false;
            await term.WriteAsync(tx => tx.Connection!.ExecuteAsync("UPDATE audit_checkpoints SET outside_at = @at WHERE size = @Size", good.Select(g => new { g.Size, at = time.Microseconds() }), tx), ct);
            if (waiting.Count < MaxCopied) break;
        }
        if (troubled) log.CheckpointCopied();
        _pending = false;
        return true;
    }

    private async Task FindNewestAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        _newest = await connection.QuerySingleOrDefaultAsync<CheckpointLine>(new CommandDefinition("SELECT size AS Size, note AS Note FROM audit_checkpoints ORDER BY size DESC LIMIT 1", cancellationToken: ct));
        _pending = _newest is not null;
        // Until the first copy of this process: when the last was made, or since when there is something to copy.
        var (copied, first) = await connection.QuerySingleAsync<(long?, long?)>(new CommandDefinition("SELECT (SELECT MAX(outside_at) FROM audit_checkpoints), (SELECT MIN(at) FROM audit_records)", cancellationToken: ct));
        metrics.Covered = (copied ?? first) is { } at ? Clock.FromMicroseconds(at) : time.GetUtcNow();
    }

    private sealed class RecordRow
    {
        public long No { get; set; }
        public string Id { get; set; } = "";
        public byte[] Envelope { get; set; } = [];
        public byte[] Mac { get; set; } = [];
    }

    private sealed class TreeRow
    {
        public long Size { get; set; }
        public byte[] Peaks { get; set; } = [];
    }
}

/// <summary>The record's tree is not the one that was signed.</summary>
internal sealed class TreeException(string message) : Exception(message);
