using System.Data.Common;
using Rag.Audit;
using Rag.Storage.Leadership;

namespace Rag.Maintenance.Retention;

/// <summary>
/// Segments of the audit record. The audit record decides, and keeps holds of its own, which the holds here place with theirs;
/// it stands above this slice, so that its rule is here.
/// </summary>
internal sealed class AuditRetention(AuditKeeping keeping, AuditOptions options, TimeProvider time) : IRetentionRule
{
    /// <summary>Holds on it are placed with the audit record, too.</summary>
    public const string RuleName = "audit";

    private const string Held = "held", Expired = "expired";

    public string Name => RuleName;

    public string Policy => $"Audit records are kept for {options.RetentionYears} years after the last one of their segment.";

    public async Task<RetentionLook> LookAsync(RetentionHolds holds, CancellationToken ct)
    {
        var list = await keeping.SegmentsAsync(ct);
        var kept = list.Segments.Where(s => s.State != Expired).OrderBy(s => s.FirstLeaf).ToList();
        var now = time.GetUtcNow();
        // None goes before one that is older.
        var due = kept.TakeWhile(s => s.State != Held && s.ExpiresAt < now).Sum(Records);
        return new(kept.Sum(Records), kept.Count == 0 ? null : kept[0].OpenedAt, due, kept.Where(s => s.State == Held && s.ExpiresAt < now).Sum(Records));

        long Records(AuditSegmentView s) => (s.EndLeaf ?? list.Size) - s.FirstLeaf;
    }

    public Task<long> RemoveAsync(LeaderTerm term, RetentionHolds holds, int limit, Func<DbTransaction, RetentionPiece, Task> note, CancellationToken ct) =>
        keeping.ExpireDueAsync(term, (tx, records, oldest, newest) => note(tx, new(records, oldest, newest, Policy)), ct);
}
