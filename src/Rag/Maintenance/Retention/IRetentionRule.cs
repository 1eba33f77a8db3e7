using System.Data.Common;
using Rag.Storage.Leadership;

namespace Rag.Maintenance.Retention;

/// <summary>What is kept of one kind of thing, and what is due to be removed.</summary>
/// <param name="Kept">How many there are, those that are due and held among them.</param>
/// <param name="Oldest">Age of the oldest.</param>
/// <param name="Due">How many the next run removes.</param>
/// <param name="Held">How many would be due but for a hold.</param>
/// <param name="Remark">What else to know: what is not this product's to remove.</param>
internal sealed record RetentionLook(long Kept, DateTimeOffset? Oldest, long Due, long Held, string? Remark = null);

/// <summary>What was removed at a time, and why.</summary>
internal sealed record RetentionPiece(long Count, DateTimeOffset? Oldest, DateTimeOffset? Newest, string Why);

/// <summary>
/// How long one kind of thing is kept; implemented by the slice that owns it. Removing is done in pieces and may be cut short
/// at any moment: the next run goes on. What is removed is on the record before it is gone, or in the same transaction.
/// </summary>
internal interface IRetentionRule
{
    /// <summary>One word, or several with hyphens.</summary>
    string Name { get; }

    /// <summary>What it is about, and how long it is kept, in a sentence.</summary>
    string Policy { get; }

    Task<RetentionLook> LookAsync(RetentionHolds holds, CancellationToken ct);

    /// <summary>Removes at most <paramref name="limit"/> of what is due and not held.</summary>
    /// <param name="note">Puts a piece on the record, within the caller's transaction where that removes it.</param>
    /// <returns>How many were removed; 0 where nothing is due.</returns>
    Task<long> RemoveAsync(LeaderTerm term, RetentionHolds holds, int limit, Func<DbTransaction, RetentionPiece, Task> note, CancellationToken ct);
}

/// <summary>The legal holds on one kind of thing: times whose things must not be removed.</summary>
internal sealed record RetentionHolds(IReadOnlyList<(DateTimeOffset From, DateTimeOffset To)> Times)
{
    public static readonly RetentionHolds None = new([]);

    /// <summary>Whether what is of this time is held; both ends are.</summary>
    public bool Hold(DateTimeOffset at) => Times.Any(t => at >= t.From && at <= t.To);
}
