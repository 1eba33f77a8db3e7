using System.Data.Common;
using Dapper;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Audit;

/// <summary>
/// How long records stay, and what makes one unreadable: segments that expire after their time, holds that keep them, and
/// erasure by destroying a subject's key. None of it changes what a leaf commits to, so that every proof stays valid.
/// </summary>
internal sealed class AuditKeeping(Database database, AuditTrail audit, AuditTree tree, AuditOptions options, TimeProvider time)
{
    public static readonly TimeSpan Every = TimeSpan.FromHours(1);

    private const int MaxOpenHolds = 100, MaxListed = 500, MaxReasonChars = 1_000, MaxExpiredAtOnce = 12, RemovedRecords = 2_000;

    /// <summary>
    /// Destroys the key of a subject: who acted, from where, on what and with which details is gone from all its records.
    /// Pseudonym, time, category, action and outcome stay. The next that the same actor does is another subject's.
    /// </summary>
    /// <exception cref="RagException">NotFound: no such subject; Conflict: it was erased already, or a hold keeps it, or several fit.</exception>
    public async Task<AuditErased> EraseAsync(AuditEraseRequest request, CancellationToken ct)
    {
        string reason = Text(request.Reason, required: false);
        var erased = await database.WriteAsync(async tx =>
        {
            var found = (await tx.Connection!.QueryAsync<(string Id, string? Owner, long? DestroyedAt)>(
                $"SELECT id, owner, destroyed_at FROM audit_subjects WHERE id = @Subject OR owner = @Subject ORDER BY id {database.Dialect.LockRows}", new { request.Subject }, tx)).AsList();
            if (found.Count == 0) throw new RagException(ErrorKind.NotFound, $"The audit record has no subject '{request.Subject}'.", "Write kind and id, such as user:u-17, or the pseudonym that 'rag audit show' prints.");
            var (id, owner, destroyed) = found[0];
            if (destroyed is not null) throw new RagException(ErrorKind.Conflict, $"The subject {id} was erased already.", "There is nothing left to erase.");
            var held = await tx.Connection!.QueryFirstOrDefaultAsync<(string Id, string Reason)>(
                """
                SELECT h.id, h.reason FROM audit_holds h WHERE h.released_at IS NULL AND (h.subject = @id OR h.subject = @owner OR (h.subject IS NULL AND EXISTS (
                  SELECT 1 FROM audit_records r WHERE r.subject = @id AND (h.from_at IS NULL OR r.at >= h.from_at) AND (h.to_at IS NULL OR r.at <= h.to_at)))) ORDER BY h.id LIMIT 1
                """, new { id, owner }, tx);
            if (held.Id is not null) throw new RagException(ErrorKind.Conflict, $"The hold {held.Id} keeps what would be erased: {held.Reason}", "Release the hold first, if it is over: 'rag audit hold remove'.");
            await database.AllowLongAsync(tx);
            // Who was erased is not said again by the record of it.
            var details = reason.Length > 0 ? new Dictionary<string, string> { ["reason"] = reason } : null;
            await audit.AppendManyAsync(tx, [new(AuditEvent.Administrative("audit.erase", "subject:" + id, details), Actor.Current, About: id)]);
            await tx.Connection!.ExecuteAsync("UPDATE audit_subjects SET owner = NULL, wrapped_key = NULL, destroyed_at = @at WHERE id = @id", new { id, at = time.Microseconds() }, tx);
            int records = await tx.Connection!.ExecuteAsync("UPDATE audit_records SET resource = NULL WHERE subject = @id", new { id }, tx, commandTimeout: Database.LongCommandSeconds);
            return new AuditErased(id, records);
        }, ct);
        // What the journal still holds of the key goes too.
        await database.ScrubAsync(ct);
        return erased;
    }

    /// <summary>Keeps records from expiring, and subjects from being erased, until it is released.</summary>
    public async Task<AuditHoldView> HoldAsync(AuditHoldRequest request, CancellationToken ct)
    {
        string reason = Text(request.Reason, required: true);
        if (request.From > request.To) throw new RagException(ErrorKind.Invalid, "The hold ends before it begins.", "Give the earlier time as from.");
        string id = Ids.New(time);
        string? subject = string.IsNullOrWhiteSpace(request.Subject) ? null : Text(request.Subject, required: true);
        await database.WriteAsync(tx => HoldAsync(tx, id, reason, subject, request.From, request.To), ct);
        return (await HoldsAsync(ct)).Holds.First(h => h.Id == id);
    }

    /// <summary>The same in the caller's transaction, under an id of the caller's: what is held beside the audit record is held with it.</summary>
    public async Task HoldAsync(DbTransaction tx, string id, string reason, string? subject, DateTimeOffset? from, DateTimeOffset? to)
    {
        if (await tx.Connection!.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM audit_holds WHERE released_at IS NULL", transaction: tx) >= MaxOpenHolds)
            throw new RagException(ErrorKind.Conflict, $"There are {MaxOpenHolds} holds already.", "Release those that are over: 'rag audit hold list'.");
        await audit.AppendAsync(tx, AuditEvent.Administrative("audit.hold.add", "hold:" + id, new Dictionary<string, string> { ["reason"] = reason }));
        await tx.Connection!.ExecuteAsync(
            "INSERT INTO audit_holds (id, reason, subject, from_at, to_at, placed_at) VALUES (@id, @reason, @subject, @from, @to, @at)", new { id, reason, subject, from = Micro(from), to = Micro(to), at = time.Microseconds() }, tx);
    }

    /// <exception cref="RagException">NotFound: no such hold, or it was released.</exception>
    public async Task<AuditHoldView> ReleaseAsync(string id, CancellationToken ct)
    {
        await database.WriteAsync(async tx =>
        {
            if (!await ReleaseAsync(tx, id)) throw new RagException(ErrorKind.NotFound, $"There is no hold '{id}' that could be released.", "'rag audit hold list' shows them.");
        }, ct);
        return (await HoldsAsync(ct)).Holds.First(h => h.Id == id);
    }

    /// <summary>The same in the caller's transaction; whether there was such a hold.</summary>
    public async Task<bool> ReleaseAsync(DbTransaction tx, string id)
    {
        if (await tx.Connection!.ExecuteAsync("UPDATE audit_holds SET released_at = @at WHERE id = @id AND released_at IS NULL", new { id, at = time.Microseconds() }, tx) == 0) return false;
        await audit.AppendAsync(tx, AuditEvent.Administrative("audit.hold.remove", "hold:" + id));
        return true;
    }

    public async Task<AuditHoldList> HoldsAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<(string Id, string Reason, string? Subject, long? From, long? To, long PlacedAt, long? ReleasedAt)>(new CommandDefinition(
            "SELECT id, reason, subject, from_at, to_at, placed_at, released_at FROM audit_holds ORDER BY CASE WHEN released_at IS NULL THEN 0 ELSE 1 END, id DESC LIMIT @MaxListed", new { MaxListed }, cancellationToken: ct));
        return new([.. rows.Select(r => new AuditHoldView(r.Id, r.Reason, r.Subject, Instant(r.From), Instant(r.To), Clock.FromMicroseconds(r.PlacedAt), Instant(r.ReleasedAt)))]);
    }

    public async Task<AuditSegmentList> SegmentsAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        long size = await connection.ExecuteScalarAsync<long?>(new CommandDefinition("SELECT size FROM audit_tree WHERE id = 1", cancellationToken: ct)) ?? 0;
        var rows = (await connection.QueryAsync<Segment>(new CommandDefinition($"{SelectSegments} ORDER BY s.first_leaf DESC LIMIT @MaxListed", new { MaxListed }, cancellationToken: ct))).AsList();
        return new(size, tree.Trouble, [.. rows.Select(s => new AuditSegmentView(
            s.FirstLeaf, s.EndLeaf, Clock.FromMicroseconds(s.OpenedAt), Instant(s.LastAt), s.ExpiredAt is not null ? "expired" : s.EndLeaf is null ? "open" : s.Held > 0 ? "held" : "closed",
            Instant(s.LastAt)?.AddYears(options.RetentionYears), Instant(s.ExpiredAt)))]);
    }

    /// <summary>Closes the segment whose month is over or that is full, and lets go what was kept for its time; in pieces, and again after being cut short.</summary>
    public async Task RunAsync(LeaderTerm term, CancellationToken ct)
    {
        await CloseDueAsync(term, ct);
        for (int n = 0; n < MaxExpiredAtOnce; n++)
            if (await ExpireDueAsync(term, (_, _, _, _) => Task.CompletedTask, ct) == 0) break;
    }

    /// <summary>Closes the segment whose month is over or that is full.</summary>
    public Task CloseDueAsync(LeaderTerm term, CancellationToken ct) => term.WriteAsync(CloseAsync, ct);

    /// <summary>Lets the oldest segment go where its time is over and nothing holds it, and removes what is left of those that went.</summary>
    /// <param name="note">Told in the same transaction: how many records, and of which time.</param>
    /// <returns>How many records went; 0 where none is due.</returns>
    public async Task<long> ExpireDueAsync(LeaderTerm term, Func<DbTransaction, long, DateTimeOffset, DateTimeOffset, Task> note, CancellationToken ct)
    {
        long expired = await term.WriteAsync(async tx =>
        {
            if (await ExpireAsync(tx) is not { EndLeaf: { } end, LastAt: { } last } segment) return 0;
            await note(tx, end - segment.FirstLeaf, Clock.FromMicroseconds(segment.OpenedAt), Clock.FromMicroseconds(last));
            return end - segment.FirstLeaf;
        }, ct);
        int removed;
        do removed = await term.WriteAsync(RemoveAsync, ct);
        while (removed > 0);
        return expired;
    }

    private async Task<bool> CloseAsync(DbTransaction tx)
    {
        var open = await tx.Connection!.QuerySingleOrDefaultAsync<Segment>($"{SelectSegments} WHERE s.end_leaf IS NULL ORDER BY s.first_leaf DESC LIMIT 1", transaction: tx);
        if (open is null) return false;
        var (opened, now) = (Clock.FromMicroseconds(open.OpenedAt), time.GetUtcNow());
        long size = await tx.Connection!.ExecuteScalarAsync<long?>("SELECT size FROM audit_tree WHERE id = 1", transaction: tx) ?? 0;
        // At a multiple of what a kept node stands for, so that a proof of a record that is kept needs none that is not.
        long end = size - size % TreeReader.Block;
        if (end <= open.FirstLeaf || ((opened.Year, opened.Month) == (now.Year, now.Month) && end - open.FirstLeaf < options.SegmentRecords)) return false;
        await database.AllowLongAsync(tx);
        var (first, last) = await tx.Connection!.QuerySingleAsync<(long, long)>(new CommandDefinition(
            "SELECT MIN(at), MAX(at) FROM audit_records WHERE leaf_index >= @FirstLeaf AND leaf_index < @end", new { open.FirstLeaf, end }, tx, Database.LongCommandSeconds));
        // Another run of the same may have closed it since it was read.
        if (await tx.Connection!.ExecuteAsync("UPDATE audit_segments SET end_leaf = @end, first_at = @first, last_at = @last WHERE first_leaf = @FirstLeaf AND end_leaf IS NULL", new { open.FirstLeaf, end, first, last }, tx) == 0) return false;
        await tx.Connection!.ExecuteAsync("INSERT INTO audit_segments (first_leaf, opened_at) VALUES (@end, @at)", new { end, at = Clock.ToMicroseconds(now) }, tx);
        return true;
    }

    private async Task<Segment?> ExpireAsync(DbTransaction tx)
    {
        long oldest = Clock.ToMicroseconds(time.GetUtcNow().AddYears(-options.RetentionYears));
        // The oldest first, and none behind one that is kept: what a checkpoint signs stays one stretch.
        var segment = await tx.Connection!.QuerySingleOrDefaultAsync<Segment>($"{SelectSegments} WHERE s.expired_at IS NULL ORDER BY s.first_leaf LIMIT 1", transaction: tx);
        if (segment is not { EndLeaf: { } end, LastAt: { } last, Held: 0 } || last >= oldest) return null;
        await audit.AppendManyAsync(tx, [new(AuditEvent.Administrative("audit.expire", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"segment:{segment.FirstLeaf}-{end}")), Actor.System)]);
        await tx.Connection!.ExecuteAsync("UPDATE audit_segments SET expired_at = @at WHERE first_leaf = @FirstLeaf", new { segment.FirstLeaf, at = time.Microseconds() }, tx);
        return segment;
    }

    private static Task<int> RemoveAsync(DbTransaction tx) => tx.Connection!.ExecuteAsync(
        """
        DELETE FROM audit_records WHERE no IN (SELECT r.no FROM audit_segments s JOIN audit_records r ON r.leaf_index >= s.first_leaf AND r.leaf_index < s.end_leaf
          WHERE s.expired_at IS NOT NULL LIMIT @RemovedRecords)
        """, new { RemovedRecords }, tx);

    private const string SelectSegments =
        """
        SELECT s.first_leaf AS FirstLeaf, s.end_leaf AS EndLeaf, s.opened_at AS OpenedAt, s.last_at AS LastAt, s.expired_at AS ExpiredAt,
          (SELECT COUNT(*) FROM audit_holds h WHERE h.released_at IS NULL AND (h.from_at IS NULL OR h.from_at <= s.last_at) AND (h.to_at IS NULL OR h.to_at >= s.first_at)) AS Held
        FROM audit_segments s
        """;

    private static string Text(string? text, bool required)
    {
        string trimmed = string.Concat((text ?? "").Select(c => char.IsControl(c) ? ' ' : c)).Trim();
        if (required && trimmed.Length == 0) throw new RagException(ErrorKind.Invalid, "There is no reason.", "Say why in a sentence.");
        return trimmed.Length <= MaxReasonChars ? trimmed : throw new RagException(ErrorKind.Invalid, $"The text has {trimmed.Length} characters.", $"Use at most {MaxReasonChars}.");
    }

    private static long? Micro(DateTimeOffset? at) => at is { } there ? Clock.ToMicroseconds(there) : null;

    private static DateTimeOffset? Instant(long? at) => at is { } there ? Clock.FromMicroseconds(there) : null;

    private sealed class Segment
    {
        public long FirstLeaf { get; set; }
        public long? EndLeaf { get; set; }
        public long OpenedAt { get; set; }
        public long? LastAt { get; set; }
        public long? ExpiredAt { get; set; }
        public long Held { get; set; }
    }
}
