using System.Data.Common;
using Dapper;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Access;

/// <summary>Whether a change holds on every replica.</summary>
/// <param name="WaitingFor">Replicas that had not said so when waiting ended.</param>
public sealed record Effect(bool Effective, IReadOnlyList<string> WaitingFor);

/// <summary>
/// Changes keys, grants and sessions: the change, its line on the audit record and the new version are one transaction,
/// and then every replica is waited for. What was taken away opens nothing anywhere once the call has returned.
/// </summary>
internal sealed class AccessChanges(Database database, ChangeLog changes, AccessDirectory directory, Followers followers)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <param name="work">Gets the version that its rows are to have.</param>
    public async Task<(T Result, Effect Effect)> ApplyAsync<T>(Func<DbTransaction, long, Task<T>> work, CancellationToken ct)
    {
        var (result, version) = await database.WriteAsync(async tx =>
        {
            // The row is locked until the transaction ends: versions are given in the order of commits.
            long next = await tx.Connection!.ExecuteScalarAsync<long>("UPDATE access_version SET version = version + 1 WHERE one = 1 RETURNING version", transaction: tx);
            T made = await work(tx, next);
            // Wakes the other processes when it commits.
            await database.LockChangeLogAsync(tx);
            return (made, next);
        }, ct);
        changes.Announce();
        try
        {
            await directory.RefreshAsync(CancellationToken.None);
            var behind = await followers.WaitAllAsync(AccessDirectory.Subject, version, Patience, ct);
            return (result, new(behind.Count == 0, behind));
        }
        catch (Exception e) when (e is RagException or DbException)
        {
            // It is written; who knows of it cannot be asked now.
            return (result, new(false, ["whoever cannot reach the record"]));
        }
    }
}
