using System.Data.Common;
using System.Text.Json;
using Dapper;
using Microsoft.Extensions.Logging;
using NuGet.Versioning;
using Rag.Audit;
using Rag.Foundation;
using Rag.Storage;

namespace Rag.Security.Advisories;

/// <summary>
/// Holds what is shipped against the advisories, and keeps the result. A scanner that sees nothing calls everything clean, so
/// a package that is known to be weak is looked up with the rest: where it is not found, or the advisories are old, or there
/// are none, the result is <c>unknown</c>.
/// </summary>
internal sealed class AdvisoryScan(AdvisorySource source, Inventory inventory, SecurityOptions options, Database database, AuditTrail audit, TimeProvider time, ILogger<AdvisoryScan> log)
{
    private const int Listed = 50, MaxFindings = 500;

    /// <summary>Scans now, and keeps what came of it.</summary>
    public async Task<SecurityScan> RunAsync(CancellationToken ct)
    {
        var scan = await LookAsync(ct);
        await database.WriteAsync(async tx =>
        {
            await tx.Connection!.ExecuteAsync("INSERT INTO security_scans (id, at, result, data) VALUES (@Id, @at, @Result, @data)",
                new { scan.Id, at = Clock.ToMicroseconds(scan.At), scan.Result, data = JsonSerializer.Serialize(scan, SecurityJson.Default.SecurityScan) }, tx);
            await audit.AppendAsync(tx, AuditEvent.Administrative("security.scan", $"scan:{scan.Id}", new Dictionary<string, string> { ["result"] = scan.Result }));
        }, ct);
        if (scan.Result != SecurityScan.Clean) log.Scanned(scan.Result, scan.Why);
        return scan;
    }

    /// <summary>The newest first.</summary>
    public async Task<SecurityScans> ListAsync(CancellationToken ct)
    {
        await using var connection = await database.OpenAsync(ct);
        var rows = await connection.QueryAsync<string>(new CommandDefinition("SELECT data FROM security_scans ORDER BY at DESC, id DESC LIMIT @Listed", new { Listed }, cancellationToken: ct));
        return new([.. rows.Select(r => JsonSerializer.Deserialize(r, SecurityJson.Default.SecurityScan)!)]);
    }

    /// <summary>Judges without keeping anything.</summary>
    public async Task<SecurityScan> LookAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var packages = inventory.Parts().Where(p => p.Kind != Inventory.Model).ToList();
        var empty = new SecurityScan(Ids.New(time), now, SecurityScan.Unknown, "", 0, null, packages.Count, []);
        if (!options.Advisories.Configured) return empty with { Why = "No source of advisories is configured: set Security:Advisories:Path or Url." };
        AdvisorySet set;
        try
        {
            set = await source.ReadAsync(ct);
        }
        catch (RagException e)
        {
            return empty with { Why = e.Message };
        }
        return Judge(empty, set, packages, now);
    }

    private SecurityScan Judge(SecurityScan empty, AdvisorySet set, IReadOnlyList<InventoryPart> packages, DateTimeOffset now)
    {
        var byPackage = set.Advisories.SelectMany(a => a.Affected.Select(p => (Advisory: a, Package: p))).ToLookup(p => p.Package.Name, StringComparer.OrdinalIgnoreCase);
        var findings = packages.SelectMany(p => Find(byPackage, p.Name, p.Version)).OrderBy(f => f.Package, StringComparer.OrdinalIgnoreCase).ThenBy(f => f.Advisory, StringComparer.Ordinal).Take(MaxFindings).ToList();
        string[] canary = options.Advisories.Canary.Split('@');
        bool sees = Find(byPackage, canary[0], canary[1]).Any();
        var scan = empty with { Advisories = set.Advisories.Count, NewestAt = set.AsOf, Findings = findings };
        // What was found is so, however blind the rest.
        if (findings.Count > 0) return scan with { Result = SecurityScan.Found, Why = $"{findings.Count} advisories are about packages that are shipped." + (sees ? "" : $" There may be more: {Blind(canary)}") };
        if (set.Advisories.Count == 0) return scan with { Why = "The source holds no advisory about a NuGet package." };
        if (!sees) return scan with { Why = Blind(canary) };
        if (set.AsOf is not { } asOf || now - asOf > TimeSpan.FromDays(options.Advisories.MaxAgeDays))
            return scan with { Why = $"The advisories are stale: the newest is of {set.AsOf?.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture) ?? "no known day"}, and Security:Advisories:MaxAgeDays is {options.Advisories.MaxAgeDays}." };
        if (set.Unreadable > 0) return scan with { Why = $"{set.Unreadable} files of the source are not JSON: what they would say is not known." };
        return scan with { Result = SecurityScan.Clean, Why = $"None of {set.Advisories.Count} advisories is about a package that is shipped, and {options.Advisories.Canary}, which is known to be weak, was found." };
    }

    private static string Blind(string[] canary) => $"the advisories do not know that {canary[0]} {canary[1]} is weak, so that nothing follows from their silence.";

    private static IEnumerable<AdvisoryFinding> Find(ILookup<string, (Advisory Advisory, AffectedPackage Package)> byPackage, string name, string version)
    {
        if (!NuGetVersion.TryParse(version, out var parsed)) yield break;
        foreach (var (advisory, package) in byPackage[name].Where(p => p.Package.Affects(parsed)).DistinctBy(p => p.Advisory.Id))
            yield return new(advisory.Id, name, version, advisory.Severity, advisory.Summary, package.FixedAfter(parsed)?.ToNormalizedString(), advisory.Url);
    }
}
