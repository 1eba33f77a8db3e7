using Rag.Access;
using Rag.Foundation;

namespace Rag.Compliance;

/// <param name="Principal">Kind and name, as <c>key nightly-ingest (k3j…)</c>.</param>
/// <param name="Where">The collection, or everywhere.</param>
/// <param name="LastUsed">Of a key; absent where it was never used or is not known.</param>
public sealed record AccessLine(string Principal, string Role, string Where, DateTimeOffset Since, string GrantedBy, DateTimeOffset? Until, DateTimeOffset? LastUsed);

/// <summary>Who can do what, and what of it a reviewer has to decide on.</summary>
public sealed record AccessReport(DateTimeOffset At, string Mode, IReadOnlyList<AccessLine> Lines, ReviewEvidence Review);

/// <summary>The access control lists as they stand, with what nobody uses any more.</summary>
internal sealed class AccessReview(Grants grants, ApiKeys keys, AccessOptions access, ComplianceOptions options, TimeProvider time) : IReviewSource
{
    private const int MaxNamed = 20;

    public string Review => "access";

    public async Task<ReviewEvidence> GatherAsync(DateTimeOffset? since, CancellationToken ct) => (await ReportAsync(ct)).Review;

    public async Task<AccessReport> ReportAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var byId = (await keys.ListAsync(ct)).ToDictionary(k => k.Id);
        var given = await grants.ListAsync(ct);
        var lines = given.Select(g => new AccessLine(
            g.Name is null || g.Name == g.Principal ? $"{g.PrincipalKind} {g.Principal}" : $"{g.PrincipalKind} {g.Name} ({g.Principal})", g.Role, g.Collection ?? "everywhere", g.CreatedAt, g.CreatedBy, g.ExpiresAt,
            g.PrincipalKind == "key" ? byId.GetValueOrDefault(g.Principal)?.LastUsedAt : null)).ToList();
        return new(now, access.Mode, lines, Judge([.. byId.Values], given, now));
    }

    private ReviewEvidence Judge(IReadOnlyList<KeyView> all, IReadOnlyList<GrantView> given, DateTimeOffset now)
    {
        var findings = new List<ReviewFinding>();
        if (access.Mode == AccessOptions.Open) findings.Add(new("open mode", ReviewState.Attention, "Whoever reaches this server's address may do everything: there are no keys to review. Set Access:Mode to keys where others can reach it."));
        var admins = given.Where(g => g.Role == "admin").Select(g => g.Name ?? g.Principal).Distinct().ToList();
        if (admins.Count > 0) findings.Add(new("administrators", ReviewState.InOrder, $"{admins.Count}: {Names(admins)}."));
        else if (access.Mode != AccessOptions.Open) findings.Add(new("administrators", ReviewState.Attention, "Nobody has the role admin; only whoever may open the data directory can change access."));
        var active = all.Where(k => k.State == "active").ToList();
        var unusedSince = now.AddDays(-options.UnusedKeyDays);
        var unused = active.Where(k => (k.LastUsedAt ?? k.CreatedAt) < unusedSince).ToList();
        if (unused.Count > 0) findings.Add(new("unused keys", ReviewState.Attention, $"{unused.Count} keys were not used for {options.UnusedKeyDays} days: {Names(unused.Select(k => $"{k.Name} ({k.Id})"))}. Revoke those that nobody needs."));
        var ending = active.Where(k => k.ExpiresAt < now.AddDays(14)).ToList();
        if (ending.Count > 0) findings.Add(new("keys that end soon", ReviewState.Attention, $"{ending.Count} keys end within 14 days: {Names(ending.Select(k => $"{k.Name} ({k.Id}), {Show.Day(k.ExpiresAt)}"))}. Rotate those that are needed."));
        var gone = given.Where(g => g.PrincipalKind == "key" && all.FirstOrDefault(k => k.Id == g.Principal) is not { State: "active" }).ToList();
        if (gone.Count > 0) findings.Add(new("grants of keys that have ended", ReviewState.Attention, $"{gone.Count} grants belong to keys that no longer open anything: {Names(gone.Select(g => g.Principal).Distinct())}. Remove them."));
        findings.Add(new("keys", ReviewState.InOrder, $"{active.Count} active, {all.Count(k => k.State == "expired")} expired, {all.Count(k => k.State == "revoked")} revoked within a year."));
        int decide = findings.Count(f => f.State == ReviewState.Attention);
        return new(
            $"{Show.Count(given.Count, "grant")}, {Show.Count(active.Count, "active key")}, {Show.Count(admins.Count, "administrator")}; {(decide == 0 ? "nothing to decide." : $"{Show.Count(decide, "point")} to decide.")}",
            ReviewState.Worst(findings.Select(f => f.State)), findings);
    }

    private static string Names(IEnumerable<string> names)
    {
        var list = names.ToList();
        return string.Join(", ", list.Take(MaxNamed)) + (list.Count > MaxNamed ? $" and {list.Count - MaxNamed} more" : "");
    }
}
