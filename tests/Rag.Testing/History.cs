namespace Rag.Testing;

/// <summary>A write as its client saw it. Times count ticks of one monotonic clock; every value is used for one write only, its retries included.</summary>
/// <param name="Version">Version of the document that the acknowledgement named; null where none came.</param>
/// <param name="Position">Change-log position that the acknowledgement named; null where none came, or nothing changed.</param>
public sealed record HistoryWrite(string Key, string Value, long Invoked, long Ended, bool Acknowledged, long? Version = null, long? Position = null);

/// <summary>A read that waited for a position.</summary>
/// <param name="Version">Null where the document was not found.</param>
public sealed record HistoryRead(string Replica, string Key, long Invoked, long Ended, long WaitedFor, long IndexPosition, long? Version, string? Value);

/// <summary>A write as the record holds it: the change log's entry with the version that it names.</summary>
public sealed record HistoryEntry(long Position, string Key, long Version, string Value);

/// <summary>What a replica said of itself, asked at a moment.</summary>
/// <param name="Leads">Whether it takes itself for the leader.</param>
public sealed record HistoryClaim(string Replica, long Invoked, long Ended, bool Leads);

/// <summary>What the record said of leadership, read at a moment.</summary>
/// <param name="Epoch">The fencing token: it grows with each change of hands.</param>
public sealed record HistoryLease(long Invoked, long Ended, string Holder, long Epoch);

/// <summary>All that clients and observers saw of a run, and what the record held at its end.</summary>
public sealed record History(
    IReadOnlyList<HistoryWrite> Writes, IReadOnlyList<HistoryRead> Reads, IReadOnlyList<HistoryEntry> Record,
    IReadOnlyList<HistoryClaim> Claims, IReadOnlyList<HistoryLease> Leases)
{
    /// <summary>Every rule that the history breaks, in words; nothing where it keeps all of them.</summary>
    public IReadOnlyList<string> Violations() => [.. Lost(), .. Twice(), .. StaleReads(), .. TwoLeaders()];

    /// <summary>What was acknowledged is in the record, as it was acknowledged.</summary>
    private IEnumerable<string> Lost()
    {
        var byValue = Record.ToLookup(e => (e.Key, e.Value));
        foreach (var write in Writes.Where(w => w.Acknowledged))
        {
            var entries = byValue[(write.Key, write.Value)].ToList();
            if (entries.Count == 0) yield return $"{write.Key}={write.Value} was acknowledged and is not in the record";
            else if (write.Version is { } version && entries.All(e => e.Version != version)) yield return $"{write.Key}={write.Value} was acknowledged as version {version} and is version {entries[0].Version}";
            else if (write.Position is { } position && entries.All(e => e.Position != position)) yield return $"{write.Key}={write.Value} was acknowledged at {position} and stands at {entries[0].Position}";
        }
    }

    /// <summary>Each write is in the record once at most, each version once, in an order that the clients' own order allows.</summary>
    private IEnumerable<string> Twice()
    {
        var writes = new Dictionary<(string, string), HistoryWrite>();
        foreach (var write in Writes)
            if (!writes.TryAdd((write.Key, write.Value), write)) yield return $"{write.Key}={write.Value} is in the history as two writes, so that it cannot be told which was applied";
        foreach (var same in Record.GroupBy(e => e.Position).Where(g => g.Count() > 1)) yield return $"position {same.Key} is in the change log {same.Count()} times";
        foreach (var entries in Record.GroupBy(e => e.Key))
        {
            foreach (var same in entries.GroupBy(e => e.Value).Where(g => g.Count() > 1))
                yield return $"{entries.Key}={same.Key} was applied {same.Count()} times, as versions {string.Join(", ", same.Select(e => e.Version))}";
            long version = 0;
            HistoryWrite? latest = null;
            foreach (var entry in entries.OrderBy(e => e.Position))
            {
                if (entry.Version != version + 1) yield return $"{entries.Key} goes from version {version} to {entry.Version} at position {entry.Position}";
                version = entry.Version;
                if (!writes.TryGetValue((entry.Key, entry.Value), out var write))
                {
                    yield return $"{entry.Key}={entry.Value} is in the record and nobody wrote it";
                    continue;
                }
                if (latest is not null && write.Acknowledged && write.Ended < latest.Invoked) yield return $"{entry.Key}={entry.Value} had ended before {latest.Value} began and was applied after it";
                if (latest is null || write.Invoked > latest.Invoked) latest = write;
            }
        }
    }

    /// <summary>A read that waited for a position shows what was acknowledged up to there, or something later, and nothing that never was.</summary>
    private IEnumerable<string> StaleReads()
    {
        var record = Record.ToLookup(e => e.Key);
        foreach (var read in Reads)
        {
            if (read.IndexPosition < read.WaitedFor) yield return $"{read.Replica} was to wait for {read.WaitedFor} and answered at {read.IndexPosition}";
            var due = record[read.Key].Where(e => e.Position <= read.WaitedFor).MaxBy(e => e.Position);
            if (due is not null && (read.Version ?? 0) < due.Version)
                yield return $"{read.Replica} showed {(read.Version is { } v ? $"version {v}" : "nothing")} of {read.Key} at {read.IndexPosition}, where {read.WaitedFor} has version {due.Version}";
            if (read.Version is { } shown && record[read.Key].All(e => e.Version != shown || e.Value != read.Value))
                yield return $"{read.Replica} showed version {shown} of {read.Key} as {read.Value}, which the record does not hold";
        }
    }

    /// <summary>
    /// Two replicas never claim to lead at one moment that lies within both claims for certain; in the record, epochs never
    /// fall, and each belongs to one holder.
    /// </summary>
    private IEnumerable<string> TwoLeaders()
    {
        // A claim is known to have been true at some moment between question and answer. Two claims of one replica with
        // no other answer between them, and of another replica wholly between these, cannot all be of single leaders.
        var claims = Claims.OrderBy(c => c.Invoked).ToList();
        foreach (var own in claims.GroupBy(c => c.Replica))
        {
            var ordered = own.ToList();
            for (int i = 1; i < ordered.Count; i++)
            {
                var (before, after) = (ordered[i - 1], ordered[i]);
                if (!before.Leads || !after.Leads) continue;
                foreach (var other in claims.Where(c => c.Leads && c.Replica != own.Key && c.Invoked >= before.Ended && c.Ended <= after.Invoked))
                {
                    // Leadership may have gone there and come back between the two; the record's epochs tell.
                    if (!HandsChangedTwice(before.Invoked, after.Ended)) yield return $"{own.Key} and {other.Replica} both took themselves for the leader";
                }
            }
        }
        var holders = new Dictionary<long, string>();
        long epoch = 0;
        foreach (var lease in Leases.OrderBy(l => l.Invoked))
        {
            if (lease.Epoch < epoch) yield return $"the epoch fell from {epoch} to {lease.Epoch}";
            epoch = Math.Max(epoch, lease.Epoch);
            if (!holders.TryAdd(lease.Epoch, lease.Holder) && holders[lease.Epoch] != lease.Holder) yield return $"epoch {lease.Epoch} belonged to {holders[lease.Epoch]} and to {lease.Holder}";
        }
    }

    private bool HandsChangedTwice(long from, long to)
    {
        long first = Leases.Where(l => l.Ended <= from).Select(l => l.Epoch).DefaultIfEmpty(0).Max();
        long last = Leases.Where(l => l.Invoked >= to).Select(l => l.Epoch).DefaultIfEmpty(long.MaxValue).Min();
        return last - first >= 2;
    }
}
