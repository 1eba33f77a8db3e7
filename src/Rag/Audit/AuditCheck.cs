using System.Data.Common;
using Dapper;

namespace Rag.Audit;

/// <summary>
/// One look at the record: computes the tree anew from the envelopes and compares its root at the size of every checkpoint, and
/// checks that everything else in the record is what the envelopes say.
/// </summary>
internal sealed class AuditCheck(DbConnection connection, DbTransaction? tx, AuditKeys keys, NoteKey signer, int retentionYears, DateTimeOffset now, IReadOnlyList<string> notes)
{
    private const int Page = 1_000, MaxListed = 100;

    private readonly List<string> _problems = [];
    private readonly SortedDictionary<long, (Checkpoint Checkpoint, bool Outside)> _signed = [];
    private readonly Dictionary<string, Subject> _subjects = [];
    private readonly HashSet<string> _erased = [];
    private readonly Dictionary<int, long> _nodes = [];
    private readonly List<(int Level, long Place, byte[] Hash)> _made = [];
    private readonly GrowingTree _tree = new();
    private long _problemCount, _records, _expired, _sealed;
    private int _compared;

    public async Task<AuditVerification> RunAsync(CancellationToken ct)
    {
        ReadOutside();
        var newest = _signed.Count > 0 ? _signed.Last().Value.Checkpoint : null;
        await ReadStoredAsync();
        foreach (var subject in await connection.QueryAsync<Subject>("SELECT id AS Id, owner AS Owner, wrapped_key AS Wrapped, destroyed_at AS DestroyedAt FROM audit_subjects", transaction: tx)) _subjects[subject.Id] = subject;
        var state = await connection.QuerySingleOrDefaultAsync<State>("SELECT size AS Size, peaks AS Peaks FROM audit_tree WHERE id = 1", transaction: tx) ?? new();
        if (newest is not null && newest.Size > state.Size) Problem($"a checkpoint outside signs {newest.Size} records, and the record's tree has {state.Size}: it was cut or set back");
        await ReadLeavesAsync(state.Size, ct);
        CompareState(state);
        await CheckNodesAsync(state.Size);
        long unsequenced = await ReadUnsequencedAsync(state.Size);
        CheckSubjects();
        return new(_problemCount == 0, _records, unsequenced, _expired, _sealed, _compared, newest?.Size ?? 0, newest?.At, _problems, _problemCount);
    }

    private void ReadOutside()
    {
        foreach (string note in notes)
        {
            if (Checkpoint.Open(note, signer) is not { } c) Problem($"a checkpoint outside is not signed by {signer.Name} with this key");
            else if (_signed.TryGetValue(c.Size, out var other) && !other.Checkpoint.Root.AsSpan().SequenceEqual(c.Root)) Problem($"two checkpoints outside sign different records of the same number, {c.Size}");
            else if (other.Checkpoint is null || other.Checkpoint.At > c.At) _signed[c.Size] = (c, true);
        }
    }

    private async Task ReadStoredAsync()
    {
        var stored = new HashSet<long>();
        foreach (var (size, note) in await connection.QueryAsync<(long, string)>("SELECT size, note FROM audit_checkpoints ORDER BY size", transaction: tx))
        {
            stored.Add(size);
            if (Checkpoint.Open(note, signer) is not { } c || c.Size != size) Problem($"the stored checkpoint of size {size} is not signed with this key");
            else if (_signed.TryGetValue(size, out var other) && !other.Checkpoint.Root.AsSpan().SequenceEqual(c.Root)) Problem($"the stored checkpoint of size {size} is not the one outside");
            else _signed.TryAdd(size, (c, false));
        }
        foreach (long size in _signed.Where(s => s.Value.Outside && !stored.Contains(s.Key)).Select(s => s.Key)) Problem($"the checkpoint of size {size} is outside, and the record has it no more");
    }

    private async Task ReadLeavesAsync(long size, CancellationToken ct)
    {
        var segments = (await connection.QueryAsync<Segment>("SELECT first_leaf AS FirstLeaf, end_leaf AS EndLeaf, expired_at AS ExpiredAt FROM audit_segments ORDER BY first_leaf", transaction: tx)).AsList();
        CheckSegments(segments, size);
        long next = 0;
        foreach (var segment in segments.Where(s => s.ExpiredAt is not null))
        {
            if (!await ReadRecordsAsync(next, segment.FirstLeaf, ct) || !await ReadExpiredAsync(segment)) return;
            next = segment.EndLeaf!.Value;
        }
        await ReadRecordsAsync(next, size, ct);
    }

    private void CheckSegments(List<Segment> segments, long size)
    {
        long next = 0;
        foreach (var s in segments)
        {
            if (s.FirstLeaf != next || s.EndLeaf <= s.FirstLeaf || s.EndLeaf > size || s.EndLeaf % TreeReader.Block is not (0 or null) || (s.EndLeaf is null && s != segments[^1])) Problem($"the segment that begins with record {s.FirstLeaf} is not where it was");
            if (s is { ExpiredAt: not null, EndLeaf: null }) Problem($"the segment that begins with record {s.FirstLeaf} expired before it was closed");
            next = s.EndLeaf ?? next;
        }
        if (size > 0 && (segments.Count == 0 || segments[^1].EndLeaf is not null)) Problem("there is no open segment");
    }

    /// <summary>Records that are gone: the hashes of their subtrees stand for them, if it was time for them to go.</summary>
    private async Task<bool> ReadExpiredAsync(Segment segment)
    {
        if (segment.EndLeaf is not { } end) return false;
        // When they were signed is said outside, where nobody could write that it was long ago.
        var covering = _signed.Where(s => s.Key >= end && s.Value.Outside).Select(s => s.Value.Checkpoint).FirstOrDefault();
        if (covering is null || covering.At.AddYears(retentionYears) > now)
            Problem($"records {segment.FirstLeaf} to {end - 1} are gone, and no checkpoint outside shows that they were kept for {retentionYears} years");
        try
        {
            foreach (var (level, place) in Merkle.Subtrees(segment.FirstLeaf, end))
            {
                int kept = level - level % TreeReader.Step;
                var hashes = (await connection.QueryAsync<byte[]>(
                    "SELECT hash FROM audit_nodes WHERE level = @kept AND place >= @from AND place < @to ORDER BY place", new { kept = (long)kept, from = place << (level - kept), to = (place + 1) << (level - kept) }, tx)).AsList();
                if (hashes.Count != 1 << (level - kept)) throw new FormatException();
                foreach (byte[] hash in hashes) _tree.Add(kept, hash);
            }
        }
        catch (FormatException)
        {
            Problem($"the hashes that stand for records {segment.FirstLeaf} to {end - 1} are not whole");
            return false;
        }
        _expired += end - segment.FirstLeaf;
        Compare();
        return true;
    }

    private async Task<bool> ReadRecordsAsync(long from, long to, CancellationToken ct)
    {
        while (from < to)
        {
            ct.ThrowIfCancellationRequested();
            var rows = (await connection.QueryAsync<Row>($"{Row.Select} WHERE leaf_index >= @from AND leaf_index < @end ORDER BY leaf_index", new { from, end = Math.Min(to, from + Page) }, tx)).AsList();
            foreach (var row in rows)
            {
                if (row.LeafIndex != from)
                {
                    Problem($"record {from} is missing; what comes after it cannot be checked");
                    return false;
                }
                byte[] leaf = Merkle.Leaf(row.Envelope);
                Check(row, leaf, $"record {from} ({row.Id})");
                _tree.Add(leaf, (level, place, hash) =>
                {
                    if (level > 0 && level % TreeReader.Step == 0) _made.Add((level, place, hash));
                });
                _records++;
                from++;
                Compare();
            }
            if (rows.Count == 0)
            {
                Problem($"record {from} is missing; what comes after it cannot be checked");
                return false;
            }
            await CompareNodesAsync();
        }
        return true;
    }

    /// <summary>Whether everything that is searched by is what the envelope says, and the event opens where it should.</summary>
    private void Check(Row row, byte[]? leaf, string name)
    {
        if (leaf is not null && !leaf.AsSpan().SequenceEqual(row.LeafHash)) Problem($"{name}: its envelope is not what its place in the tree says");
        if (!keys.MacFits(row.Envelope, row.Mac)) Problem($"{name}: was not written by this service");
        if (Envelope.Parse(row.Envelope) is not { } e)
        {
            Problem($"{name}: is no envelope");
            return;
        }
        if ((e.Id, e.At, e.Category, e.Action, e.Outcome, e.Subject) != (row.Id, row.At, row.Category, row.Action, row.Outcome, row.Subject)) Problem($"{name}: what it is searched by is not what it says");
        if (e is { Action: "audit.erase", About: { } about }) _erased.Add(about);
        if (!_subjects.TryGetValue(e.Subject, out var subject))
        {
            Problem($"{name}: whose it is was removed");
            return;
        }
        if (subject.Wrapped is null)
        {
            _sealed++;
            if (leaf is not null && row.Resource is not null) Problem($"{name}: was erased and still says what it was about");
            return;
        }
        if (keys.Unwrap(subject.Id, subject.Wrapped) is not { } key || e.Open(Envelope.RecordKey(key, e.Id)) is not { } ocsf)
        {
            Problem($"{name}: does not open with its subject's key");
            return;
        }
        var opened = AuditQuery.Parse(ocsf);
        if (OcsfEvent.ResourceOf(opened) != row.Resource) Problem($"{name}: the resource it is searched by is not what it says");
        if (OcsfEvent.OwnerOf(opened) != subject.Owner) Problem($"{name}: the subject it is found by is not who acted");
    }

    private void Compare()
    {
        if (!_signed.TryGetValue(_tree.Size, out var signed)) return;
        _compared++;
        if (!_tree.Root.AsSpan().SequenceEqual(signed.Checkpoint.Root)) Problem($"the first {_tree.Size} records are not those that were signed at {signed.Checkpoint.At:yyyy-MM-dd HH:mm:ss} UTC");
    }

    private void CompareState(State state)
    {
        if (_tree.Size != state.Size || !_tree.Peaks.AsSpan().SequenceEqual(state.Peaks)) Problem($"the tree is kept as {state.Size} records large and has {_tree.Size}, or is another");
    }

    private async Task CompareNodesAsync()
    {
        foreach (var level in _made.GroupBy(m => m.Level))
        {
            var kept = (await connection.QueryAsync<(long Place, byte[] Hash)>(
                "SELECT place, hash FROM audit_nodes WHERE level = @level AND place >= @from AND place <= @to", new { level = (long)level.Key, from = level.Min(m => m.Place), to = level.Max(m => m.Place) }, tx)).ToDictionary(n => n.Place, n => n.Hash);
            foreach (var (_, place, hash) in level)
                if (!kept.TryGetValue(place, out byte[]? there) || !there.AsSpan().SequenceEqual(hash)) Problem($"the node {level.Key}/{place} of the tree is not what lies below it");
        }
        _made.Clear();
    }

    private async Task CheckNodesAsync(long size)
    {
        foreach (var (level, count) in await connection.QueryAsync<(long Level, long Count)>("SELECT level, COUNT(*) FROM audit_nodes GROUP BY level", transaction: tx)) _nodes[(int)level] = count;
        for (int level = TreeReader.Step; size >> level > 0; level += TreeReader.Step)
            if (_nodes.Remove(level, out long count) ? count != size >> level : size >> level > 0) Problem($"the tree has not the nodes of level {level} that it should have");
        if (_nodes.Count > 0) Problem("the tree has nodes that it should not have");
    }

    private async Task<long> ReadUnsequencedAsync(long size)
    {
        long waiting = 0;
        await foreach (var row in RowsAsync("leaf_index IS NULL"))
        {
            waiting++;
            Check(row, null, $"the record {row.Id}, which has no place yet,");
        }
        await foreach (var row in RowsAsync("leaf_index < 0")) Problem($"the row {row.Id} was not written by this service");
        long beyond = await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM audit_records WHERE leaf_index >= @size", new { size }, tx);
        if (beyond > 0) Problem($"{beyond} rows have places beyond the end of the tree");
        return waiting;
    }

    private async IAsyncEnumerable<Row> RowsAsync(string where)
    {
        for (long after = 0; ;)
        {
            var rows = (await connection.QueryAsync<Row>($"{Row.Select} WHERE {where} AND no > @after ORDER BY no LIMIT @Page", new { after, Page }, tx)).AsList();
            foreach (var row in rows) yield return row;
            if (rows.Count < Page) yield break;
            after = rows[^1].No;
        }
    }

    private void CheckSubjects()
    {
        foreach (var subject in _subjects.Values)
        {
            if ((subject.Wrapped is null) != (subject.DestroyedAt is not null) || (subject.Wrapped is null) != (subject.Owner is null)) Problem($"the subject {subject.Id} is neither whole nor erased");
            // The record of an erasure expires with the others; a key that is gone without one was taken away.
            else if (subject.Wrapped is null && !_erased.Contains(subject.Id) && (_expired == 0 || Foundation.Clock.FromMicroseconds(subject.DestroyedAt!.Value).AddYears(retentionYears) > now)) Problem($"the key of subject {subject.Id} is gone, and no record says that it was destroyed");
            else if (subject.Wrapped is { } wrapped && keys.Unwrap(subject.Id, wrapped) is null) Problem($"the key of subject {subject.Id} is not one of this service");
        }
    }

    private void Problem(string what)
    {
        if (++_problemCount <= MaxListed) _problems.Add(what);
    }

    private sealed class Row
    {
        public const string Select =
            "SELECT no AS No, id AS Id, at AS At, category AS Category, action AS Action, outcome AS Outcome, subject AS Subject, resource AS Resource, envelope AS Envelope, mac AS Mac, leaf_index AS LeafIndex, leaf_hash AS LeafHash FROM audit_records";

        public long No { get; set; }
        public string Id { get; set; } = "";
        public long At { get; set; }
        public string Category { get; set; } = "";
        public string Action { get; set; } = "";
        public string Outcome { get; set; } = "";
        public string Subject { get; set; } = "";
        public string? Resource { get; set; }
        public byte[] Envelope { get; set; } = [];
        public byte[] Mac { get; set; } = [];
        public long? LeafIndex { get; set; }
        public byte[]? LeafHash { get; set; }
    }

    private sealed class Subject
    {
        public string Id { get; set; } = "";
        public string? Owner { get; set; }
        public byte[]? Wrapped { get; set; }
        public long? DestroyedAt { get; set; }
    }

    private sealed class Segment
    {
        public long FirstLeaf { get; set; }
        public long? EndLeaf { get; set; }
        public long? ExpiredAt { get; set; }
    }

    private sealed class State
    {
        public long Size { get; set; }
        public byte[] Peaks { get; set; } = [];
    }
}
