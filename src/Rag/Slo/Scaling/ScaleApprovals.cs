using Dapper;
using Rag.Audit;
using Rag.Foundation;
using Rag.Maintenance;
using Rag.Storage;
using Rag.Telemetry;

namespace Rag.Slo.Scaling;

/// <summary>Who approved how many replicas, until when; and what follows for the number that may run. An approval is never changed, only withdrawn.</summary>
internal sealed class ScaleApprovals(Database database, Replicas replicas, AuditTrail audit, TimeProvider time)
{
    /// <summary>The runbook's: "Always maintain minimum 3 replicas", "Max 20 replicas unless approved".</summary>
    public const int MinReplicas = 3, MaxReplicas = 20;

    /// <summary>What can be approved at most; the admission policies of deploy/kubernetes have the same.</summary>
    public const int MostReplicas = 100;

    public static readonly TimeSpan MinLength = TimeSpan.FromMinutes(1), MaxLength = TimeSpan.FromDays(30);

    /// <summary>How long approvals that are over are kept; the audit record keeps that they were given.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(365);

    private const int MaxActive = 20, Listed = 200;

    /// <exception cref="RagException">Invalid: no number, or one out of bounds, no reason; Conflict: too many are active.</exception>
    public async Task<ScaleApproval> ApproveAsync(ApproveScale wanted, CancellationToken ct)
    {
        if (wanted is { MaxReplicas: null, MinReplicas: null }) throw new RagException(ErrorKind.Invalid, "Nothing is to be approved.", "Say how many replicas may run (--max), how many must (--min), or both.");
        if (wanted.MaxReplicas is { } max && max is <= MaxReplicas or > MostReplicas)
            throw new RagException(ErrorKind.Invalid, $"{max} is out of bounds for the most replicas.", $"Up to {MaxReplicas} need no approval; choose {MaxReplicas + 1} to {MostReplicas}.");
        int ceiling = wanted.MaxReplicas ?? MaxReplicas;
        if (wanted.MinReplicas is { } min && (min <= MinReplicas || min > ceiling))
            throw new RagException(ErrorKind.Invalid, $"{min} is out of bounds for the least replicas.", $"{MinReplicas} run always; choose {MinReplicas + 1} to {ceiling}, or approve more with --max.");
        string reason = MaintenanceText.Reason(wanted.Reason), owner = MaintenanceText.Owner(wanted.Owner), by = MaintenanceText.Owner(null);
        var now = time.GetUtcNow();
        var ends = now + Durations.Parse(wanted.For, "the length of the approval", MinLength, MaxLength);
        string id = Ids.New(time);
        await database.WriteAsync(async tx =>
        {
            long active = await tx.Connection!.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM scale_approvals WHERE withdrawn_at IS NULL AND expires_at > @now", new { now = Clock.ToMicroseconds(now) }, tx);
            if (active >= MaxActive) throw new RagException(ErrorKind.Conflict, $"{MaxActive} approvals hold already.", "Withdraw those that are not needed: 'rag scale approvals'.");
            await audit.AppendAsync(tx, AuditEvent.Administrative("scale.approve", "scale-approval:" + id, new Dictionary<string, string>
            {
                ["max_replicas"] = Text(wanted.MaxReplicas), ["min_replicas"] = Text(wanted.MinReplicas), ["owner"] = owner, ["reason"] = reason, ["expires"] = ends.ToString("O"),
            }));
            await tx.Connection!.ExecuteAsync(
                "INSERT INTO scale_approvals (id, max_replicas, min_replicas, owner, reason, approved_at, approved_by, expires_at) VALUES (@id, @max, @min, @owner, @reason, @at, @by, @ends)",
                new { id, max = (long?)wanted.MaxReplicas, min = (long?)wanted.MinReplicas, owner, reason, at = Clock.ToMicroseconds(now), by, ends = Clock.ToMicroseconds(ends) }, tx);
        }, ct);
        return await GetAsync(id, ct);
    }

    /// <exception cref="RagException">NotFound: no such approval; Conflict: it is over or withdrawn.</exception>
    public async Task<ScaleApproval> WithdrawAsync(string id, CancellationToken ct)
    {
        var approval = await GetAsync(id, ct);
        if (approval.State != ScaleApproval.Active) throw new RagException(ErrorKind.Conflict, $"The approval is {approval.State}.", "There is nothing to withdraw.");
        await database.WriteAsync(async tx =>
        {
            if (await tx.Connection!.ExecuteAsync("UPDATE scale_approvals SET withdrawn_at = @now WHERE id = @id AND withdrawn_at IS NULL", new { now = time.Microseconds(), id }, tx) == 0)
                throw new RagException(ErrorKind.Conflict, "The approval is withdrawn.", "There is nothing to withdraw.");
            await audit.AppendAsync(tx, AuditEvent.Administrative("scale.withdraw", "scale-approval:" + id, new Dictionary<string, string> { ["owner"] = approval.Owner, ["reason"] = approval.Reason }));
        }, ct);
        return await GetAsync(id, ct);
    }

    /// <summary>The newest first.</summary>
    public async Task<ScaleApprovalList> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        return new([.. (await connection.QueryAsync<Row>(new CommandDefinition($"{Select} ORDER BY approved_at DESC, id LIMIT @Listed", new { Listed }, cancellationToken: ct))).Select(Approval)]);
    }

    public async Task<ScaleBounds> BoundsAsync(CancellationToken ct) => BoundsOf(await ActiveAsync(ct));

    public async Task<ScaleStatus> StatusAsync(CancellationToken ct)
    {
        var active = await ActiveAsync(ct);
        var bounds = BoundsOf(active);
        int up = (await replicas.ListAsync(ct)).Count(r => r.Up);
        var now = time.GetUtcNow();
        var use = await replicas.UseSinceAsync(now - TimeSpan.FromMinutes(ScaleAdvice.DownMinutes + 1), ct);
        // A record in SQLite belongs to one server: there is nothing to scale.
        var advice = database.Shared ? ScaleAdvice.Of(use, SloRecorder.Minute(now), up, bounds)
            : new ScaleRecommendation(up, up, ScaleRecommendation.Stay, null, "A record in SQLite belongs to one server; put it on PostgreSQL to run several replicas.");
        return new(up, bounds, advice, active);
    }

    /// <summary>The widest of what is approved. It ends with the first approval that it follows from: then fewer are reckoned anew.</summary>
    internal static ScaleBounds BoundsOf(IReadOnlyList<ScaleApproval> active)
    {
        int max = active.Max(a => a.MaxReplicas) ?? MaxReplicas, min = Math.Min(active.Max(a => a.MinReplicas) ?? MinReplicas, max);
        var used = active.Where(a => a.MaxReplicas == max || a.MinReplicas == min).OrderBy(a => a.ExpiresAt).FirstOrDefault();
        return new(min, max, used?.ExpiresAt, used?.Owner, used?.Reason);
    }

    private async Task<IReadOnlyList<ScaleApproval>> ActiveAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<Row>(new CommandDefinition(
            $"{Select} WHERE withdrawn_at IS NULL AND expires_at > @now ORDER BY expires_at, id", new { now = time.Microseconds() }, cancellationToken: ct));
        return [.. rows.Select(Approval)];
    }

    private async Task<ScaleApproval> GetAsync(string id, CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new CommandDefinition($"{Select} WHERE id = @id", new { id }, cancellationToken: ct));
        return row is null ? throw new RagException(ErrorKind.NotFound, $"There is no approval '{id}'.", "'rag scale approvals' shows them.") : Approval(row);
    }

    private const string Select =
        "SELECT id AS Id, max_replicas AS Max, min_replicas AS Min, owner AS Owner, reason AS Reason, approved_at AS ApprovedAt, approved_by AS ApprovedBy, expires_at AS ExpiresAt, withdrawn_at AS WithdrawnAt FROM scale_approvals";

    private sealed record Row(string Id, long? Max, long? Min, string Owner, string Reason, long ApprovedAt, string ApprovedBy, long ExpiresAt, long? WithdrawnAt);

    private ScaleApproval Approval(Row r)
    {
        var ends = Clock.FromMicroseconds(r.ExpiresAt);
        DateTimeOffset? withdrawn = r.WithdrawnAt is { } at ? Clock.FromMicroseconds(at) : null;
        string state = withdrawn is not null ? ScaleApproval.Withdrawn : time.GetUtcNow() >= ends ? ScaleApproval.Over : ScaleApproval.Active;
        return new(r.Id, (int?)r.Max, (int?)r.Min, r.Owner, r.Reason, Clock.FromMicroseconds(r.ApprovedAt), r.ApprovedBy, ends, withdrawn, state);
    }

    private static string Text(int? number) => number?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "";
}
